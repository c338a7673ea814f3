// SPDX-License-Identifier: BSL-1.0
#include <cueball/decoherence/periodic.hpp>
#include <cueball/queue/fifo.hpp>

#include "any_pool_of.hpp"

namespace cueball::laws::shell {

std::unique_ptr<any_pool> make_pool_of_one_thread(world& outside, scheduler& on, const setting& what) {
  return std::make_unique<any_pool_of<pool<connection, one_thread, queue::fifo, decoherence::periodic>>>(
      outside, on, what, decoherence::periodic{std::chrono::milliseconds{what.decoherence_ms}});
}

}  // namespace cueball::laws::shell
