// SPDX-License-Identifier: BSL-1.0
/// \file
/// A policy that looks right. The counts add up, and no backend has two more than another.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <cueball/rebalance_policy.hpp>

struct first_come {
  using category = cueball::rebalance_policy;
  static constexpr std::string_view name = "first_come";

  std::vector<std::uint32_t> plan(std::span<const cueball::backend_load> live, std::uint32_t target,
                                  cueball::random_source&) const {
    std::vector<std::uint32_t> counts(live.size(), 0);
    for (std::uint32_t i = 0; i < target && !live.empty(); ++i) ++counts[i % live.size()];
    return counts;
  }

  bool lawful(std::span<const cueball::backend_load>, std::uint32_t,
              std::span<const std::uint32_t> counts) const {
    const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
    return counts.empty() || *most - *least <= 1;
  }
};

static_assert(cueball::rebalance_strategy<first_come>);
