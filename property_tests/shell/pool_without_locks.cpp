// SPDX-License-Identifier: BSL-1.0
#include <cueball/queue/fifo.hpp>
#include <cueball/rebalance/even_spread.hpp>

#include "any_pool_of.hpp"

namespace cueball::laws::shell {

std::unique_ptr<any_pool> make_pool_without_locks(world& outside, scheduler& on, const setting& what) {
  return make_observed<
      pool<connection, no_locks, queue::fifo, rebalance::even_spread, decoherence::jittered, witness>>(
      outside, on, what);
}

}  // namespace cueball::laws::shell
