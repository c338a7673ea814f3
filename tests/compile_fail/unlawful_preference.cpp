// SPDX-License-Identifier: BSL-1.0
// error: cueball: Policy names an axis but does not model the concept of that axis
// shows: preferring_strategy<Policy>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <cueball/policy_set.hpp>

struct choosy {
  using category = cueball::rebalance_policy;
  static constexpr std::string_view name = "choosy";

  // A constant, where a function is asked for.
  static constexpr bool uses_preferences = true;

  std::vector<std::uint32_t> plan(std::span<const cueball::backend_load> live, std::uint32_t,
                                  cueball::random_source&) const {
    return std::vector<std::uint32_t>(live.size());
  }
};

using policies = cueball::make_policy_set<choosy>;
