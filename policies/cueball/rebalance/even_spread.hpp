// SPDX-License-Identifier: BSL-1.0
/// \file
/// rebalance::even_spread: every live backend has the same number of connections, give or take one. The
/// default.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <cueball/rebalance_policy.hpp>

namespace cueball::rebalance {

/// Ignores weight and priority. Who gets one more: those that have it already, then whoever is drawn.
struct even_spread {
  using category = rebalance_policy;
  static constexpr std::string_view name = "rebalance::even_spread";

  std::vector<std::uint32_t> plan(std::span<const backend_load> live, std::uint32_t target,
                                  random_source& random) const {
    if (live.empty()) return {};
    const auto backends = static_cast<std::uint32_t>(live.size());
    const auto share = target / backends;
    auto left = target % backends;
    std::vector<std::uint32_t> counts(backends, share);

    // The candidates, those with more than the share before the others; each group in an order that is drawn.
    std::vector<std::uint32_t> order(backends);
    std::uint32_t having = 0;
    for (std::uint32_t i = 0; i < backends; ++i) {
      order[i] = i;
      if (live[i].present > share) std::swap(order[having++], order[i]);
    }
    const auto draw = [&](std::uint32_t begin, std::uint32_t end) {
      for (auto i = begin; i < end && left > 0; ++i, --left) {
        std::swap(order[i], order[i + random.below(end - i)]);
        ++counts[order[i]];
      }
    };
    draw(0, having);
    draw(having, backends);
    return counts;
  }

  bool lawful(std::span<const backend_load>, std::uint32_t, std::span<const std::uint32_t> counts) const {
    const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
    return counts.empty() || *most - *least <= 1;
  }
};

}  // namespace cueball::rebalance
