// SPDX-License-Identifier: BSL-1.0
#include <cueball/queue/random.hpp>
#include <cueball/rebalance/weighted.hpp>

#include "any_pool_of.hpp"

namespace cueball::laws::shell {

std::unique_ptr<any_pool> make_pool_of_many_threads(world& outside, scheduler& on, const setting& what) {
  return make_observed<
      pool<connection, many_threads, queue::random, rebalance::weighted, decoherence::jittered, witness>>(
      outside, on, what);
}

}  // namespace cueball::laws::shell
