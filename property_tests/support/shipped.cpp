// SPDX-License-Identifier: BSL-1.0
/// \file
/// The table of them.

#include <stdexcept>
#include <string>

#include <support/shipped.hpp>

namespace shipped {

const std::vector<cueball::laws::composition>& compositions() {
  static const auto all = [] {
    auto table = with_fifo();
    for (const auto& more :
         {with_random(), with_sticky(), with_lifo(), with_interleaved(), with_least_loaded()})
      table.insert(table.end(), more.begin(), more.end());
    return table;
  }();
  return all;
}

const cueball::laws::composition& composition(std::string_view name) {
  for (const auto& one : compositions())
    if (one.name.starts_with(name)) return one;
  throw std::invalid_argument{"no composition " + std::string{name}};
}

}  // namespace shipped
