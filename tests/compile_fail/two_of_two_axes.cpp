// SPDX-License-Identifier: BSL-1.0
// error: cueball: First and Second are policies of the same axis: name only one of them
#include <cueball/policy_set.hpp>
#include <cueball/queue/lifo.hpp>
#include <cueball/rebalance/weighted.hpp>

// Two mistakes; the first one is named.
using policies = cueball::make_policy_set<cueball::queue::lifo, cueball::rebalance::weighted,
                                          cueball::queue::fifo, cueball::rebalance::even_spread>;
