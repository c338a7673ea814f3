// SPDX-License-Identifier: BSL-1.0
/// \file
/// What the core wants done. The shell does it outside the mutex, one at a time, in the order given.
#pragma once

#include <cstdint>
#include <memory>
#include <source_location>
#include <string>

#include <cueball/backend.hpp>
#include <cueball/core/slot.hpp>
#include <cueball/error.hpp>
#include <cueball/events.hpp>
#include <cueball/pool_state.hpp>
#include <cueball/time.hpp>

namespace cueball::core {

struct effect {
  enum class kind : std::uint8_t {
    // Answered by an event.
    open,           ///< Connect the slot (and watch it): `connected` or `connect_failed`.
    close,          ///< Close the slot, or cancel its connect: `closed`, or the answer of the connect.
    watch,          ///< Arm the slot's close-watch: `watched`, and later perhaps `watch_fired`.
    check,          ///< Ask the slot's connection whether it is well: `test_ended`.
    reset,          ///< Make the slot's connection as new: `test_ended`.
    recall,         ///< Tell the slot's holder that it has to go: `let_go`, in his own time.
    plan,           ///< Call `make_plan` outside the mutex, then `planned`.
    run_resolver,   ///< Run it, after `resolver_started`: `resolver_ended` when the run is over.
    stop_resolver,  ///< Cancel its run, if there is one.
    // For the observer.
    tell_connected,
    tell_connect_failed,
    tell_closed,
    tell_lease_overdue,
    tell_backend_added,
    tell_backend_changed,
    tell_backend_removed,
    tell_backend_dead,
    tell_backend_alive,
    tell_resolver_failed,
    tell_plan_failed,
    tell_rebalanced,
    tell_shuffled,
    tell_state_changed,
  };

  kind what;
  slot_id slot{};
  std::shared_ptr<const backend> where{};
  error_code error{};
  std::string text{};
  close_reason reason{};
  pool_state state{};
  duration timeout{};                 ///< open, check, reset: how long it may take.
  std::uint32_t number = 0;           ///< tell_rebalanced: live backends; tell_shuffled: idle connections.
  std::uint32_t target = 0;           ///< tell_rebalanced
  std::source_location claimed_at{};  ///< tell_lease_overdue
};

}  // namespace cueball::core
