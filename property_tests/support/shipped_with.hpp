// SPDX-License-Identifier: BSL-1.0
/// \file
/// The compositions with one queue.
#pragma once

#include <vector>

#include <cueball/decoherence/adaptive.hpp>
#include <cueball/decoherence/jittered.hpp>
#include <cueball/decoherence/never.hpp>
#include <cueball/decoherence/periodic.hpp>
#include <cueball/laws/simulator/world_of.hpp>
#include <cueball/rebalance/even_spread.hpp>
#include <cueball/rebalance/subset.hpp>
#include <cueball/rebalance/weighted.hpp>
#include <cueball/threading/lock_free.hpp>
#include <cueball/threading/multi_threaded.hpp>
#include <cueball/threading/single_threaded.hpp>

namespace shipped {

/// \tparam First, Second, Third the threading models, in turn.
template <class Queue, class First, class Second, class Third>
std::vector<cueball::laws::composition> with() {
  using cueball::laws::composition_of;
  using even = cueball::rebalance::even_spread;
  using shares = cueball::rebalance::weighted;
  namespace when = cueball::decoherence;
  using some = cueball::rebalance::subset;
  return {composition_of<Queue, even, when::never, First>(),
          composition_of<Queue, even, when::periodic, Second>(),
          composition_of<Queue, even, when::jittered, Third>(),
          composition_of<Queue, even, when::adaptive, First>(),
          composition_of<Queue, shares, when::never, Second>(),
          composition_of<Queue, shares, when::periodic, Third>(),
          composition_of<Queue, shares, when::jittered, First>(),
          composition_of<Queue, shares, when::adaptive, Second>(),
          composition_of<Queue, some, when::never, Third>(),
          composition_of<Queue, some, when::periodic, First>(),
          composition_of<Queue, some, when::jittered, Second>(),
          composition_of<Queue, some, when::adaptive, Third>()};
}

}  // namespace shipped
