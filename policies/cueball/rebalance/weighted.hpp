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
    const quotas shares{live, target};
    std::vector<candidate> candidates;
    auto left = target;
    for (std::uint32_t i = 0; i < live.size(); ++i) {
      if (shares.weight_of(live[i]) == 0) continue;
      counts[i] = shares.floor(live[i]);
      left -= counts[i];
      candidates.push_back({shares.remainder(live[i]), live[i].present > counts[i], random(), i});
    }
    // Fewer are left than there are candidates, since each remainder is less than one.
    std::nth_element(candidates.begin(), candidates.begin() + left, candidates.end());
    for (std::uint32_t i = 0; i < left; ++i) ++counts[candidates[i].index];
    return counts;
  }

  /// Each has its quota rounded down or up, and none is rounded up that has a smaller remainder than another
  /// that is rounded down.
  bool lawful(std::span<const backend_load> live, std::uint32_t target,
              std::span<const std::uint32_t> counts) const {
    if (live.empty()) return true;
    const quotas shares{live, target};
    std::uint64_t least_up = UINT64_MAX;
    std::uint64_t most_down = 0;
    for (std::size_t i = 0; i < live.size(); ++i) {
      const auto floor = shares.floor(live[i]);
      const auto remainder = shares.remainder(live[i]);
      if (counts[i] == floor)
        most_down = std::max(most_down, remainder);
      else if (counts[i] == floor + 1 && shares.weight_of(live[i]) != 0)
        least_up = std::min(least_up, remainder);
      else
        return false;
    }
    return least_up >= most_down;
  }

 private:
  /// `target` in proportion to weight.
  class quotas {
   public:
    quotas(std::span<const backend_load> live, std::uint32_t target)
        : target_(target), best_(live.front().priority) {
      for (const auto& backend : live) best_ = std::min(best_, backend.priority);
      std::uint64_t members = 0;
      for (const auto& backend : live)
        if (backend.priority == best_) {
          sum_ += backend.weight;
          ++members;
        }
      all_zero_ = sum_ == 0;
      if (all_zero_) sum_ = members;
    }

    std::uint32_t weight_of(const backend_load& backend) const noexcept {
      return backend.priority != best_ ? 0 : all_zero_ ? 1 : backend.weight;
    }
    std::uint32_t floor(const backend_load& backend) const noexcept {
      return static_cast<std::uint32_t>(product(backend) / sum_);
    }
    std::uint64_t remainder(const backend_load& backend) const noexcept { return product(backend) % sum_; }

   private:
    // 32 bits by 32 bits: the product fits.
    std::uint64_t product(const backend_load& backend) const noexcept {
      return std::uint64_t{target_} * weight_of(backend);
    }

    std::uint32_t target_;
    std::uint32_t best_;
    std::uint64_t sum_ = 0;
    bool all_zero_ = false;
  };

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
