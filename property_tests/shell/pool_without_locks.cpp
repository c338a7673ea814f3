// SPDX-License-Identifier: BSL-1.0
#include <cueball/decoherence/jittered.hpp>
#include <cueball/queue/fifo.hpp>
#include <cueball/rebalance/even_spread.hpp>

#include "any_pool_of.hpp"

namespace cueball::laws::shell {

std::unique_ptr<any_pool> make_pool_without_locks(world& outside, scheduler& on, const setting& what) {
  using type =
      pool<connection, no_locks, queue::fifo, rebalance::even_spread, decoherence::jittered, witness>;
  return std::make_unique<any_pool_of<type>>(
      outside, on, what, decoherence::jittered{std::chrono::milliseconds{what.decoherence_ms}},
      witness{outside});
}

}  // namespace cueball::laws::shell
