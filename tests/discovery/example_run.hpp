// SPDX-License-Identifier: BSL-1.0
/// \file
/// An example that connects to what is registered, run against a real registry.
#pragma once

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include <support/echo_server.hpp>
#include <support/eventually.hpp>
#include <support/server_process.hpp>

namespace support {

/// Whether it connects to two backends that are registered, and to a third one that is while it runs, prints
/// that, and ends with 0. It has eight connections. What is not so is told.
/// \param add registers an address under a name
template <class Add>
bool follows(const std::vector<std::string>& example, const Add& add) {
  const echo_server first, second, third;
  const auto key_of = [](const echo_server& one) { return at(one).key(); };
  add("first", key_of(first));
  add("second", key_of(second));

  const private_directory scratch;
  const auto file = scratch.path() / "printed";
  server_process running{example, file};
  bool right = true;
  const auto expect = [&](bool is_so, const std::string& what) {
    if (!is_so) std::cout << "it is not so: " << what << '\n';
    right = right && is_so;
  };
  expect(eventually([&] { return first.open() == 4 && second.open() == 4; }), "two backends have four each");
  add("third", key_of(third));
  expect(eventually([&] { return third.open() >= 2 && first.open() + second.open() + third.open() == 8; }),
         "the third has its share");
  expect(running.wait() == 0, "it ends with 0");

  std::ifstream stream{file};
  const std::string printed{std::istreambuf_iterator<char>{stream}, {}};
  std::cout << printed;
  for (const auto* each : {&first, &second, &third})
    expect(printed.find(key_of(*each) + ": 2 idle\n") != printed.npos ||
               printed.find(key_of(*each) + ": 3 idle\n") != printed.npos,
           "it prints the share of " + key_of(*each));
  return right;
}

}  // namespace support
