// SPDX-License-Identifier: BSL-1.0
/// \file
/// The compositions with queue::random; a file of their own to bound the time of a compilation.

#include <cueball/queue/random.hpp>

#include <support/world_of.hpp>

namespace cueball::property {

std::vector<composition> random_compositions() {
  return compositions_of<queue::random>(queue_kind::random);
}

}  // namespace cueball::property
