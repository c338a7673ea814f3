// SPDX-License-Identifier: BSL-1.0
// error: cueball: Policy names an axis but does not model the concept of that axis
// shows: pool_observer<Policy>
#include <string_view>

#include <cueball/policy_set.hpp>

struct claim_watcher {
  using category = cueball::observer_policy;
  static constexpr std::string_view name = "claim_watcher";

  void on(const cueball::claimed_event&) noexcept {}
  void on(const cueball::released_event&) noexcept {}
  // and deaf to the rest
};

using policies = cueball::make_policy_set<claim_watcher>;
