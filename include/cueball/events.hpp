// SPDX-License-Identifier: BSL-1.0
/// \file
/// What an observer hears of. References are valid during the call only.
#pragma once

#include <cstdint>
#include <source_location>
#include <string_view>

#include <cueball/backend.hpp>
#include <cueball/error.hpp>
#include <cueball/pool_state.hpp>
#include <cueball/time.hpp>

namespace cueball {

/// A lease was given out. Told on the claimer's thread; of an `async_claim` where its handler is called.
struct claimed_event {
  const backend& where;
};

/// A lease came back. Told on the releaser's thread.
struct released_event {
  const backend& where;
  bool kept;  ///< False: it goes to be closed (broken, discarded, or no longer wanted).
};

/// A connection is up.
struct connected_event {
  const backend& where;
};

/// A connect failed or took too long.
struct connect_failed_event {
  const backend& where;
  error_code error;
  std::string_view text;  ///< What was thrown, where something was.
};

/// Why a connection was closed.
enum class close_reason {
  unwanted,     ///< The plan has no room for it.
  broken,       ///< It was found broken.
  discarded,    ///< Its lease said so.
  detached,     ///< Its lease took it out of the pool.
  expired,      ///< It was past its lifetime, or had lain idle for too long.
  invalidated,  ///< It was opened before `invalidate()`.
  cancelled,    ///< It was still being connected when the plan changed, time ran out, or the pool was
                ///< invalidated or stopped.
  stopped,      ///< The pool was stopped.
};

constexpr std::string_view to_string(close_reason reason) noexcept {
  switch (reason) {
    case close_reason::unwanted:
      return "the plan has no room for it";
    case close_reason::broken:
      return "it was broken";
    case close_reason::discarded:
      return "it was discarded";
    case close_reason::detached:
      return "it was detached";
    case close_reason::expired:
      return "it was past its lifetime, or idle for too long";
    case close_reason::invalidated:
      return "the pool was invalidated";
    case close_reason::cancelled:
      return "its connect was cancelled";
    case close_reason::stopped:
      return "the pool was stopped";
  }
  return "unknown";
}

/// A connection leaves the pool.
struct closed_event {
  const backend& where;
  close_reason reason;
  error_code error;       ///< What a check or a reset of a broken one said; none if it was found otherwise.
  std::string_view text;  ///< What was thrown, where something was.
};

/// The resolver announced a backend.
struct backend_added_event {
  const backend& where;
};

/// The resolver said something new of a backend: its weight, priority or attributes.
struct backend_changed_event {
  const backend& where;
};

/// The resolver withdrew a backend.
struct backend_removed_event {
  const backend& where;
};

/// Attempts to connect to a backend used up their retries, or it said that trying again is of no use. Its
/// share goes to the others.
struct backend_dead_event {
  const backend& where;
  error_code error;       ///< Of the last attempt.
  std::string_view text;  ///< What was thrown, where something was.
};

/// A dead backend was connected to. Its share comes back.
struct backend_alive_event {
  const backend& where;
};

/// The resolver failed, or reported something that the pool refused. The backends stay as they were.
struct resolver_failed_event {
  error_code error;
  std::string_view text;
};

/// The rebalance strategy threw, or planned more or fewer connections than it was asked for. The old plan
/// stays, and it is asked again after a rebalance delay.
struct plan_failed_event {
  error_code error;
  std::string_view text;
};

/// A new plan is in force.
struct rebalanced_event {
  std::uint32_t backends;  ///< The live ones.
  std::uint32_t target;    ///< Sum of the plan.
};

/// The order of the idle connections was shuffled.
struct shuffled_event {
  std::uint32_t idle;
};

/// A lease is out for longer than `pool_options::lease_limit`. Told once of each, between the limit and one
/// and a half times the limit after the claim; later, if until then the claiming thread has not run on, since
/// only it says where. Only observers that have an `on` for it hear of it, and only in their pools claims
/// take note of where they are made.
struct lease_overdue_event {
  const backend& where;
  std::source_location claimed_at;  ///< The call of `claim`, `try_claim` or `async_claim`.
  duration limit;
};

/// The pool changed its state.
struct state_changed_event {
  pool_state state;
};

}  // namespace cueball
