// SPDX-License-Identifier: BSL-1.0
/// \file
/// A policy of one's own: a plain class that models the concept of its axis.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <cueball/rebalance/even_spread.hpp>
#include <cueball/rebalance_policy.hpp>

/// All connections go to the backends of the best priority, evenly, but for a few that stay warm on each of
/// the others: when the best ones are withdrawn, the first claims find a connection that is up.
struct warm_standby {
  using category = cueball::rebalance_policy;
  static constexpr std::string_view name = "warm_standby";

  /// Connections to each backend that is not of the best priority.
  std::uint32_t warm = 1;

  std::vector<std::uint32_t> plan(std::span<const cueball::backend_load> live, std::uint32_t target,
                                  cueball::random_source& random) const {
    auto counts = standby(live, target);
    // Among themselves the best are spread as usual. This also moves no connection without need, and draws
    // who gets the remainder, so that many clients together are even.
    const auto first = best_of(live);
    const auto shares = cueball::rebalance::even_spread{}.plan(first, left_of(target, counts), random);
    auto share = shares.begin();
    for (std::size_t i = 0; i < live.size(); ++i)
      if (live[i].priority == first.front().priority) counts[i] = *share++;
    return counts;
  }

  /// Optional: which plans are as good as its own? With it the laws also find those that move less.
  bool lawful(std::span<const cueball::backend_load> live, std::uint32_t target,
              std::span<const std::uint32_t> counts) const {
    const auto expected = standby(live, target);
    const auto first = best_of(live);
    std::vector<std::uint32_t> shares;
    for (std::size_t i = 0; i < live.size(); ++i)
      if (live[i].priority == first.front().priority)
        shares.push_back(counts[i]);
      else if (counts[i] != expected[i])
        return false;
    return cueball::rebalance::even_spread{}.lawful(first, target, shares);
  }

 private:
  static std::vector<cueball::backend_load> best_of(std::span<const cueball::backend_load> live) {
    std::vector<cueball::backend_load> first;
    for (const auto& backend : live) {
      if (!first.empty() && backend.priority < first.front().priority) first.clear();
      if (first.empty() || backend.priority == first.front().priority) first.push_back(backend);
    }
    return first;
  }

  /// What those get that stand by, in their order. One connection at least is left for the best.
  std::vector<std::uint32_t> standby(std::span<const cueball::backend_load> live,
                                     std::uint32_t target) const {
    std::vector<std::uint32_t> counts(live.size(), 0);
    const auto first = best_of(live);
    for (std::size_t i = 0; i < live.size(); ++i)
      if (live[i].priority != first.front().priority)
        counts[i] = std::min(warm, std::max(left_of(target, counts), 1U) - 1);
    return counts;
  }

  static std::uint32_t left_of(std::uint32_t target, const std::vector<std::uint32_t>& counts) {
    for (const auto count : counts) target -= count;
    return target;
  }
};

// If an expression were missing, the compiler would say here which one.
static_assert(cueball::rebalance_strategy<warm_standby>);
