// SPDX-License-Identifier: BSL-1.0
/// \file
/// Every plan that R1 allows, by brute force: what the strategies are measured against.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include <cueball/rebalance_policy.hpp>

#include <support/world.hpp>

namespace cueball::property {

using plan = std::vector<std::uint32_t>;

/// Connections that are opened to get to `to`.
inline std::uint32_t churn(std::span<const backend_load> from, const plan& to) {
  std::uint32_t opened = 0;
  for (std::size_t i = 0; i < from.size(); ++i)
    if (to[i] > from[i].present) opened += to[i] - from[i].present;
  return opened;
}

/// For few backends: it looks at all subsets of them.
inline std::vector<plan> lawful_plans(rebalance_kind kind, std::span<const backend_load> live,
                                      std::uint32_t target) {
  if (live.empty()) return {{}};
  const auto size = live.size();
  const bool even = kind == rebalance_kind::even_spread;

  auto best = live.front().priority;
  for (const auto& one : live) best = std::min(best, one.priority);
  std::vector<std::uint64_t> weights(size, 1);
  if (!even)
    for (std::size_t i = 0; i < size; ++i)
      weights[i] = live[i].priority == best ? std::uint64_t{live[i].weight} : 0;
  const auto sum_of = [&] {
    std::uint64_t sum = 0;
    for (const auto weight : weights) sum += weight;
    return sum;
  };
  if (sum_of() == 0)
    for (std::size_t i = 0; i < size; ++i) weights[i] = live[i].priority == best ? 1 : 0;

  const auto sum = sum_of();
  plan floors(size);
  std::vector<std::uint64_t> remainders(size);
  auto left = target;
  for (std::size_t i = 0; i < size; ++i) {
    floors[i] = static_cast<std::uint32_t>(target * weights[i] / sum);
    remainders[i] = target * weights[i] % sum;
    left -= floors[i];
  }

  std::vector<plan> all;
  for (std::uint32_t chosen = 0; chosen < (1U << size); ++chosen) {
    plan counts = floors;
    std::uint32_t given = 0;
    std::uint64_t least_chosen = UINT64_MAX;
    std::uint64_t most_left_out = 0;
    bool may = true;
    for (std::size_t i = 0; i < size; ++i) {
      if ((chosen >> i & 1U) != 0) {
        ++counts[i];
        ++given;
        least_chosen = std::min(least_chosen, remainders[i]);
        may = may && weights[i] != 0;
      } else if (weights[i] != 0) {
        most_left_out = std::max(most_left_out, remainders[i]);
      }
    }
    if (may && given == left && (given == 0 || least_chosen >= most_left_out)) all.push_back(counts);
  }
  return all;
}

/// The least churn that a lawful plan can have.
inline std::uint32_t least_churn(rebalance_kind kind, std::span<const backend_load> live,
                                 std::uint32_t target) {
  std::uint32_t least = UINT32_MAX;
  for (const auto& one : lawful_plans(kind, live, target)) least = std::min(least, churn(live, one));
  return least;
}

inline bool is_lawful(rebalance_kind kind, std::span<const backend_load> live, std::uint32_t target,
                      const plan& counts) {
  const auto all = lawful_plans(kind, live, target);
  return std::find(all.begin(), all.end(), counts) != all.end();
}

}  // namespace cueball::property
