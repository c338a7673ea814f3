// SPDX-License-Identifier: BSL-1.0
/// \file
/// A file of its own, to bound the time of a compilation.

#include <cueball/queue/sticky.hpp>

#include <support/shipped.hpp>
#include <support/shipped_with.hpp>

namespace shipped {

std::vector<cueball::laws::composition> with_sticky() {
  return with<cueball::queue::sticky, cueball::threading::lock_free, cueball::threading::single_threaded,
              cueball::threading::multi_threaded>();
}

}  // namespace shipped
