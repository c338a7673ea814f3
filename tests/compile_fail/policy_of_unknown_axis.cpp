// SPDX-License-Identifier: BSL-1.0
// error: cueball: Policy is not a policy: it names no axis.
// shows: newest_first
#include <cueball/policy_set.hpp>

struct colour_policy {};

struct newest_first {
  using category = colour_policy;
};

using policies = cueball::make_policy_set<newest_first>;
