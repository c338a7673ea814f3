// SPDX-License-Identifier: BSL-1.0

#include <cueball/queue/interleaved.hpp>

#include <support/shipped.hpp>
#include <support/shipped_with.hpp>

namespace shipped {

std::vector<cueball::laws::composition> with_interleaved() {
  return with<cueball::queue::interleaved, cueball::threading::single_threaded,
              cueball::threading::multi_threaded, cueball::threading::multi_threaded>();
}

}  // namespace shipped
