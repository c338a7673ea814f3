// SPDX-License-Identifier: BSL-1.0
// error: cueball: Policy is not a policy: it names no axis.
#include <cueball/policy_set.hpp>

using policies = cueball::make_policy_set<cueball::queue::fifo, int>;
