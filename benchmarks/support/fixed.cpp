// SPDX-License-Identifier: BSL-1.0
#include "fixed.hpp"

#include <iostream>
#include <latch>
#include <map>
#include <thread>
#include <utility>

namespace bench {

namespace {

std::map<std::string, fixed_loop>& loops() {
  static std::map<std::string, fixed_loop> all;
  return all;
}

}  // namespace

bool add_fixed(const std::string& who, fixed_loop loop) {
  return loops().emplace(who, std::move(loop)).second;
}

bool run_fixed(const std::string& what) {
  if (what == "list") {
    for (const auto& [who, loop] : loops()) std::cout << who << '\n';
    return true;
  }
  const auto colon = what.find(':');
  const auto found = loops().find(what.substr(0, colon));
  if (colon == what.npos || found == loops().end()) {
    std::cerr << "there is no fixed loop '" << what << "'\n";
    return false;
  }
  // The C library takes short cuts in a program that has one thread only.
  std::latch done{1};
  const std::jthread other{[&] { done.wait(); }};
  found->second(std::stoull(what.substr(colon + 1)));
  done.count_down();
  return true;
}

}  // namespace bench
