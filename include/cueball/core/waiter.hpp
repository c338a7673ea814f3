// SPDX-License-Identifier: BSL-1.0
/// \file
/// Somebody who waits for the pool: for a connection, for readiness, or for its end.
#pragma once

#include <array>
#include <cstdint>

#include <cueball/core/list.hpp>
#include <cueball/core/slot.hpp>
#include <cueball/error.hpp>
#include <cueball/hold_up.hpp>
#include <cueball/time.hpp>

namespace cueball::core {

/// A time for each reason.
using hold_ups = std::array<duration, 8>;

/// Owned by who waits. From the event that registers it until it is among the finished ones it belongs to the
/// core; after that the core knows nothing of it.
struct waiter {
  enum class kind : std::uint8_t { claim, ready, stop };
  enum class state : std::uint8_t { fresh, waiting, finished };

  kind waits_for = kind::claim;
  state now = state::fresh;
  std::uint32_t wanted = 0;  ///< ready: how many connections are to be up.

  // The answer.
  slot_base* granted = nullptr;  ///< claim: the slot, in state claimed.
  error_code error{};            ///< Why there is none.
  std::uint32_t left = 0;        ///< stop: connections that are still there.
  time_point since{};            ///< claim: when its wait began, if it had to.
  std::uint32_t ahead = 0;       ///< claim: how many waited then.
  hold_ups held{};               ///< claim: for how long each reason held it, as far as that is known.
  hold_up held_by{};             ///< claim: the reason when it ended.

  // The core's own.
  time_point deadline = never_comes;
  bool sheds_at_deadline = false;  ///< It is the pool's, not the claimer's.
  std::uint32_t timer = 0;
  list_link<waiter> link;
};

using waiter_list = list<waiter, &waiter::link>;

}  // namespace cueball::core
