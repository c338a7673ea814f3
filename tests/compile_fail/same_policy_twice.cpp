// SPDX-License-Identifier: BSL-1.0
// error: cueball: First and Second are policies of the same axis: name only one of them
// shows: observer::silent
#include <cueball/policy_set.hpp>

using policies =
    cueball::make_policy_set<cueball::observer::silent, cueball::queue::fifo, cueball::observer::silent>;
