// SPDX-License-Identifier: BSL-1.0
/// \file
/// The compositions with queue::fifo; a file of their own to bound the time of a compilation.

#include <cueball/queue/fifo.hpp>

#include <support/world_of.hpp>

namespace cueball::property {

std::vector<composition> fifo_compositions() {
  return compositions_of<queue::fifo>(queue_kind::fifo);
}

}  // namespace cueball::property
