// SPDX-License-Identifier: BSL-1.0
/// \file
/// rebalance::weighted: connections in proportion to weight, within the best priority that is live.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <tuple>
#include <vector>

#include <cueball/rebalance_policy.hpp>

namespace cueball::rebalance {

/// Exactly the largest-remainder shares (Hamilton's method): each backend gets its quota rounded down, and
/// what is left goes to the largest remainders; equal remainders to those that have the connection already,
/// then to whoever is drawn. Weight 0 gets none while another of its priority has more; all zero counts as
/// all equal.
struct weighted {
  using category = rebalance_policy;
  static constexpr std::string_view name = "rebalance::weighted";

  std::vector<std::uint32_t> plan(std::span<const backend_load> live, std::uint32_t target,
                                  random_source& random) const {
    std::vector<std::uint32_t> counts(live.size(), 0);
    if (live.empty()) return counts;

    auto best = live.front().priority;
    for (const auto& backend : live) best = std::min(best, backend.priority);
    std::uint64_t sum = 0;
    std::uint64_t members = 0;
    for (const auto& backend : live)
      if (backend.priority == best) {
        sum += backend.weight;
        ++members;
      }
    const bool all_zero = sum == 0;
    if (all_zero) sum = members;

    std::vector<candidate> candidates;
    auto left = target;
    for (std::uint32_t i = 0; i < live.size(); ++i) {
      if (live[i].priority != best || (live[i].weight == 0 && !all_zero)) continue;
      // 32 bits by 32 bits: the product fits.
      const auto quota = std::uint64_t{target} * (all_zero ? 1 : live[i].weight);
      counts[i] = static_cast<std::uint32_t>(quota / sum);
      left -= counts[i];
      candidates.push_back({quota % sum, live[i].present > counts[i], random(), i});
    }
    // Fewer are left than there are candidates, since each remainder is less than one.
    std::nth_element(candidates.begin(), candidates.begin() + left, candidates.end());
    for (std::uint32_t i = 0; i < left; ++i) ++counts[candidates[i].index];
    return counts;
  }

 private:
  struct candidate {
    std::uint64_t remainder;
    bool has_it;
    std::uint64_t drawn;
    std::uint32_t index;

    // A total order, so that the chosen ones do not depend on the sorting.
    friend bool operator<(const candidate& left, const candidate& right) {
      return std::tie(right.remainder, right.has_it, right.drawn, right.index) <
             std::tie(left.remainder, left.has_it, left.drawn, left.index);
    }
  };
};

}  // namespace cueball::rebalance
