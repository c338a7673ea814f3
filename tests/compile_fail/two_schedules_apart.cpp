// SPDX-License-Identifier: BSL-1.0
// error: cueball: First and Second are policies of the same axis: name only one of them
// shows: decoherence::never
// shows: decoherence::jittered
#include <cueball/decoherence/jittered.hpp>
#include <cueball/decoherence/never.hpp>
#include <cueball/policy_set.hpp>
#include <cueball/queue/random.hpp>
#include <cueball/threading/single_threaded.hpp>

using policies = cueball::make_policy_set<cueball::queue::random, cueball::decoherence::never,
                                          cueball::threading::single_threaded, cueball::decoherence::jittered,
                                          cueball::rebalance::even_spread>;
