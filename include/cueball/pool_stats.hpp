// SPDX-License-Identifier: BSL-1.0
/// \file
/// One consistent snapshot of a pool.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <cueball/backend.hpp>
#include <cueball/error.hpp>
#include <cueball/pool_state.hpp>
#include <cueball/resolver_state.hpp>

namespace cueball {

/// Connections by what they are doing. Each is counted once.
struct slot_counts {
  std::uint32_t idle = 0;      ///< Ready to be claimed, perhaps after a check (`check_after`).
  std::uint32_t claimed = 0;   ///< Held by a lease.
  std::uint32_t checking = 0;  ///< Out of circulation for a moment: checked, reset, or its close-watch armed.
  std::uint32_t connecting = 0;  ///< Being connected.
  std::uint32_t closing = 0;     ///< Being closed, or being cancelled while it connected.

  constexpr std::uint32_t total() const noexcept { return idle + claimed + checking + connecting + closing; }

  /// State by state.
  constexpr slot_counts& operator+=(const slot_counts& more) noexcept {
    idle += more.idle;
    claimed += more.claimed;
    checking += more.checking;
    connecting += more.connecting;
    closing += more.closing;
    return *this;
  }

  friend bool operator==(const slot_counts&, const slot_counts&) = default;
};

/// What the pool counted since it was made. `opened == closed + slots.total()` in every snapshot.
struct slot_counters {
  std::uint64_t opened = 0;  ///< Connects started.
  std::uint64_t closed = 0;  ///< Connections gone: closed, failed to connect, or detached.
  std::uint64_t connect_failures =
      0;                     ///< Connects that failed or took too long; cancelled ones do not count.
  std::uint64_t broken = 0;  ///< Connections that were found broken.
  std::uint64_t claims = 0;  ///< Leases given out.

  /// Counter by counter.
  constexpr slot_counters& operator+=(const slot_counters& more) noexcept {
    opened += more.opened;
    closed += more.closed;
    connect_failures += more.connect_failures;
    broken += more.broken;
    claims += more.claims;
    return *this;
  }

  friend bool operator==(const slot_counters&, const slot_counters&) = default;
};

/// The row of one backend.
struct backend_stats {
  backend where;
  std::string key;    ///< `where.key()`
  bool live = false;  ///< Part of the plan: announced as of the last rebalance, and not dead.
  bool dead = false;  ///< Attempts to connect used up their retries; a monitor watches for its return.
  std::uint32_t planned = 0;  ///< Connections that the plan gives it.
  slot_counts slots;
  slot_counters counters;
  error_code last_error;  ///< Of the last connect that failed or connection that broke; none if none did.
  std::string last_error_text;  ///< What was thrown, where something was.
};

/// What is known of the resolver. A failure leaves the backends as they were.
struct resolver_stats {
  resolver_state state = resolver_state::starting;
  std::uint64_t runs = 0;  ///< Begun; more than one, if it gave up or threw.
  std::uint64_t failures =
      0;                  ///< Each that an observer hears of: told by it, the end of a run, a bad report.
  error_code last_error;  ///< Of the last failure; none if none was. What went well since does not clear it.
  std::string last_error_text;
};

/// All numbers were true at one moment. What happened between two moments is the difference of two: see
/// `evenness_between`.
struct pool_stats {
  pool_state state = pool_state::starting;
  std::uint32_t target = 0;     ///< Sum of the plan.
  std::uint32_t waiters = 0;    ///< Claims that wait for a connection.
  slot_counts slots;            ///< Sum of the rows.
  slot_counters counters;       ///< Sum of the rows and of the backends that are gone.
  std::uint64_t waited = 0;     ///< Claims that had to wait, however they ended.
  std::uint64_t timed_out = 0;  ///< Claims that failed at their deadline.
  std::uint64_t refused = 0;  ///< Claims that failed because every backend was dead or none was known, or too
                              ///< many waited.
  std::uint64_t shed = 0;     ///< Claims that failed because others had waited for too long.
  std::uint64_t cancelled = 0;  ///< Claims that were cancelled while they waited.
  std::uint64_t rebalances = 0;
  std::uint64_t shuffles = 0;
  std::uint64_t regroups = 0;     ///< How often decoherence asked for other backends to be used.
  std::uint32_t longest_run = 0;  ///< Of one backend among the first 128 idle connections, in the order of
                                  ///< claiming; 0 if the queue does not show it (`queue::random` has none).
  double coherence = 0;  ///< Of the same, against chance: 0 is as regular as a random order in the mean, 1 is
                         ///< the connections of each backend side by side; see `coherence::excess`.
  resolver_stats resolver;
  std::vector<backend_stats> backends;  ///< In the order of their announcement.
};

}  // namespace cueball
