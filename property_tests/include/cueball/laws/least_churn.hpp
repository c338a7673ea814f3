// SPDX-License-Identifier: BSL-1.0
/// \file
/// R2 by brute force: every plan that a strategy calls lawful, in small worlds.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include <cueball/rebalance_policy.hpp>

namespace cueball::laws {

using plan = std::vector<std::uint32_t>;

/// What a strategy says of itself (`judging_strategy`); empty if it says nothing.
using judge =
    std::function<bool(std::span<const backend_load>, std::uint32_t, std::span<const std::uint32_t>)>;

template <class Strategy>
judge judge_of(const Strategy& strategy) {
  if constexpr (judging_strategy<Strategy>)
    return
        [strategy](std::span<const backend_load> live, std::uint32_t target,
                   std::span<const std::uint32_t> counts) { return strategy.lawful(live, target, counts); };
  else
    return {};
}

/// Connections that are opened to get to `to`.
inline std::uint32_t churn(std::span<const backend_load> from, const plan& to) {
  std::uint32_t opened = 0;
  for (std::size_t i = 0; i < from.size(); ++i)
    if (to[i] > from[i].present) opened += to[i] - from[i].present;
  return opened;
}

/// Calls `see(counts)` for every way to give `target` to all from `at` on.
template <class Visitor>
void each_plan(plan& counts, std::size_t at, std::uint32_t target, Visitor& see) {
  if (at + 1 >= counts.size()) {
    if (!counts.empty()) counts.back() = target;
    return see(counts);
  }
  for (counts[at] = 0; counts[at] <= target; ++counts[at])
    each_plan(counts, at + 1, target - counts[at], see);
  counts[at] = 0;
}

/// The least churn that a lawful plan can have; none if no plan is lawful.
inline std::optional<std::uint32_t> least_churn(const judge& lawful, std::span<const backend_load> live,
                                                std::uint32_t target) {
  std::optional<std::uint32_t> least;
  plan counts(live.size());
  auto see = [&](const plan& one) {
    const auto its = churn(live, one);
    if ((!least || its < *least) && lawful(live, target, one)) least = its;
  };
  each_plan(counts, 0, target, see);
  return least;
}

}  // namespace cueball::laws
