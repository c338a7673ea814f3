// SPDX-License-Identifier: BSL-1.0
/// \file
/// The table of all compositions.

#include <support/world.hpp>

namespace cueball::property {

std::vector<composition> fifo_compositions();
std::vector<composition> random_compositions();
std::vector<composition> lifo_compositions();

const std::vector<composition>& compositions() {
  static const auto all = [] {
    auto table = fifo_compositions();
    for (const auto& more : {random_compositions(), lifo_compositions()})
      table.insert(table.end(), more.begin(), more.end());
    return table;
  }();
  return all;
}

}  // namespace cueball::property
