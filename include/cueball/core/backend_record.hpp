// SPDX-License-Identifier: BSL-1.0
/// \file
/// What the core knows of one backend, from its announcement until its last slot is gone.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <cueball/backend.hpp>
#include <cueball/core/budget.hpp>
#include <cueball/core/list.hpp>
#include <cueball/core/slot.hpp>
#include <cueball/error.hpp>
#include <cueball/pool_stats.hpp>
#include <cueball/time.hpp>

namespace cueball::core {

/// Numbers are derived from the slots' states alone, where they change; there is nothing to keep in step.
struct backend_record {
  std::shared_ptr<const backend> what;
  std::uint32_t description = 0;  ///< The same, by number.
  std::string key;
  std::uint32_t number = 0;
  std::uint64_t identity = 0;
  std::uint64_t preference = 0;   ///< See `backend_load`.
  std::uint64_t seen_in_run = 0;  ///< The run of the resolver that named it last.

  bool announced = true;  ///< By the resolver, as of now.
  bool member = false;    ///< Announced as of the last rebalance.
  bool dead = false;      ///< A member whose attempts used up their retries: no part of the plan.

  std::uint32_t planned = 0;
  std::uint32_t wanted = 0;      ///< Slots that count towards the plan: all but unwanted and closing ones.
  std::uint32_t connecting = 0;  ///< Of those, the ones being connected.
  std::uint32_t worn = 0;  ///< Of those, the ones past their lifetime: each may have its replacement first.
  std::uint32_t worn_marked = 0;  ///< Past their lifetime and unwanted: in use, and closed after it.
  std::uint32_t unwanted = 0;     ///< Slots in use or being checked that are to be closed after it.

  // Recovery.
  bool was_up = false;                  ///< A connection to it has been made.
  std::uint64_t opened_at_failure = 0;  ///< How many connections the pool had opened when an attempt failed.
  std::uint64_t opened_at_success = 0;  ///< The same, when a connect succeeded.
  std::uint32_t failures = 0;           ///< Failed attempts in a row.
  bool held_back =
      false;  ///< By a connection that broke before it was of use: a success does not end the delay.
  std::uint32_t retry_timer = 0;  ///< Not 0: no connect before it fires.
  std::uint32_t monitor =
      no_slot;  ///< Of a dead one: the slot that is being connected, which counts nowhere.
  time_point failed_at{};
  budget opens;                       ///< What may be opened to it.
  std::uint32_t budget_timer = 0;     ///< Not 0: nothing may be opened before it fires.
  std::uint64_t outdated_before = 0;  ///< So many connections the pool had opened when it was invalidated.
  std::uint64_t suspected_in = 0;  ///< The look in which all that is idle is checked: one was found broken.
  error_code last_error{};
  std::string last_error_text{};

  slot_counters counters;  ///< `claims`: of closed connections.

  slot_row slots;
  list_link<backend_record> in_order;   ///< All of them, in the order of announcement.
  list_link<backend_record> in_need;    ///< May open a connection now.
  list_link<backend_record> in_excess;  ///< Has more than the plan gives it.
  list_link<backend_record> in_doom;    ///< Withdrawn, with slots that are still to be closed or marked.
  list_link<backend_record> in_probe;   ///< Dead, and may be probed now.
};

}  // namespace cueball::core
