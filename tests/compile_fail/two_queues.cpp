// SPDX-License-Identifier: BSL-1.0
// error: cueball: First and Second are policies of the same axis: name only one of them
// shows: queue::fifo
// shows: queue::lifo
#include <cueball/policy_set.hpp>
#include <cueball/queue/lifo.hpp>

using policies = cueball::make_policy_set<cueball::queue::fifo, cueball::queue::lifo>;
