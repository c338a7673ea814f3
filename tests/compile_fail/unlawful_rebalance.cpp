// SPDX-License-Identifier: BSL-1.0
// error: cueball: Policy names an axis but does not model the concept of that axis
// shows: rebalance_strategy<Policy>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <cueball/policy_set.hpp>

struct forgetful {
  using category = cueball::rebalance_policy;
  static constexpr std::string_view name = "forgetful";

  // Not const: a plan may depend on its arguments only.
  std::vector<std::uint32_t> plan(std::span<const cueball::backend_load> live, std::uint32_t,
                                  cueball::random_source&) {
    return std::vector<std::uint32_t>(live.size());
  }
};

using policies = cueball::make_policy_set<forgetful>;
