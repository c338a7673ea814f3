// SPDX-License-Identifier: BSL-1.0
#include <cueball/decoherence/jittered.hpp>
#include <cueball/queue/random.hpp>
#include <cueball/rebalance/weighted.hpp>

#include "any_pool_of.hpp"

namespace cueball::laws::shell {

std::unique_ptr<any_pool> make_pool_of_many_threads(world& outside, scheduler& on, const setting& what) {
  using type =
      pool<connection, many_threads, queue::random, rebalance::weighted, decoherence::jittered, witness>;
  return std::make_unique<any_pool_of<type>>(
      outside, on, what, decoherence::jittered{std::chrono::milliseconds{what.decoherence_ms}},
      witness{outside});
}

}  // namespace cueball::laws::shell
