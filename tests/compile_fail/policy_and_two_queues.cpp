// SPDX-License-Identifier: BSL-1.0
// error: cueball: Policy is not a policy: it names no axis.
#include <cueball/policy_set.hpp>
#include <cueball/queue/lifo.hpp>

// Two mistakes; the first one is named.
using policies = cueball::make_policy_set<cueball::queue::lifo, char*, cueball::queue::fifo>;
