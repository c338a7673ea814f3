// SPDX-License-Identifier: BSL-1.0

#include <cueball/queue/least_loaded.hpp>

#include <support/shipped.hpp>
#include <support/shipped_with.hpp>

namespace shipped {

std::vector<cueball::laws::composition> with_least_loaded() {
  return with<cueball::queue::least_loaded, cueball::threading::single_threaded,
              cueball::threading::multi_threaded, cueball::threading::multi_threaded>();
}

}  // namespace shipped
