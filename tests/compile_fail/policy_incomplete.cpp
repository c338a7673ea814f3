// SPDX-License-Identifier: BSL-1.0
// error: cueball: Policy is not a policy: it names no axis.
// shows: newest_first
#include <cueball/policy_set.hpp>

struct newest_first;

using policies = cueball::make_policy_set<newest_first, cueball::rebalance::even_spread>;
