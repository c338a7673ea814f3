// SPDX-License-Identifier: BSL-1.0
/// \file
/// Is what comes out of a queue uniform?
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <cueball/laws/chi_squared.hpp>
#include <cueball/laws/law.hpp>

namespace cueball::laws::detail {

/// \param queue of so many, none of which is in it
template <class Modelled>
void check_uniform_pops(Modelled queue, std::uint32_t size) {
  while (!queue.is_full()) queue.push(0);
  // Pairs, so that the next one does not depend on the last one.
  std::vector<std::uint64_t> counts(std::size_t{size} * size);
  std::uint32_t last = 0;
  for (int i = 0; i < 200'000; ++i) {
    const auto index = *queue.pop();
    ++counts[last * size + index];
    last = index;
    queue.push(0);
  }
  demand(looks_uniform(counts), "each is equally likely, whichever came out before (chi-squared)");
}

}  // namespace cueball::laws::detail
