// SPDX-License-Identifier: BSL-1.0
/// \file
/// The compositions with queue::lifo; a file of their own to bound the time of a compilation.

#include <cueball/queue/lifo.hpp>

#include <support/world_of.hpp>

namespace cueball::property {

std::vector<composition> lifo_compositions() {
  return compositions_of<queue::lifo>(queue_kind::lifo);
}

}  // namespace cueball::property
