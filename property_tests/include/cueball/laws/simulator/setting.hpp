// SPDX-License-Identifier: BSL-1.0
/// \file
/// What a case of the simulator is made of: a setting, and what happens in it. Small numbers, so that a case
/// shrinks.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include <rapidcheck.h>

#include <cueball/pool_options.hpp>

#include <cueball/laws/simulator/composition.hpp>

namespace cueball::laws {

struct setting {
  const composition* policies = nullptr;
  std::uint64_t seed = 0;  ///< Of the pool.
  std::uint32_t max_connections = 4;
  bool strict = false;
  bool watched = false;
  bool lazy = false;       ///< Effects are performed when the scheduler says so, not at once.
  std::uint32_t warm = 0;  ///< So many backends are known, and the pool is whole, before the script begins.
  std::uint32_t per_backend = 2;
  std::uint32_t per_pool = 4;
  std::uint32_t rebalance_ms = 100;
  std::uint32_t watch_ms = 100;
  std::uint32_t spares = 0;  ///< 0: all.
  bool checked = false;
  bool resets = false;
  std::uint32_t check_ms = 0;  ///< 0: no limit.
  std::uint32_t check_timeout_ms = 100;
  std::uint32_t check_after_ms = 0;  ///< 0: no limit.
  std::uint32_t max_idle_ms = 0;     ///< 0: no limit.
  std::uint32_t lifetime_ms = 0;     ///< 0: no limit.
  std::uint32_t lifetime_spread_percent = 10;
  std::uint32_t churn_rate = 0;       ///< 0: any.
  std::uint32_t max_waiters = 0;      ///< 0: any number.
  std::uint32_t target_delay_ms = 0;  ///< 0: nobody is shed.
  bool error_on_empty = false;
  std::uint32_t lease_ms = 0;  ///< 0: no limit.
  std::uint32_t retries = 3;
  std::uint32_t timeout_ms = 1000;
  std::uint32_t max_timeout_ms = 2000;
  std::uint32_t delay_ms = 50;
  std::uint32_t initial_delay_ms = 0;  ///< 0: the first attempts have no recovery of their own.
  std::uint32_t max_delay_ms = 400;
  std::uint32_t spread_percent = 20;
  std::uint32_t stable_ms = 200;
  std::uint32_t decoherence_ms = 1000;
  std::uint32_t slice = usual_slice;  ///< Of work that an event does.

  /// Large enough for all work of a small world: nothing happens between the slices of a rebalance.
  static constexpr std::uint32_t usual_slice = 128;

  pool_options options() const;
  std::unique_ptr<world> make() const {
    return policies->make(options(), std::chrono::milliseconds{decoherence_ms}, {watched, checked, resets},
                          seed, slice);
  }
};

enum class op_kind : std::uint8_t {
  tick,  ///< To the next wake, and wake.
  wait,  ///< Time goes on; nobody wakes.
  wake,
  perform,  ///< One effect.
  answer,   ///< One answer of the outside.
  settle,   ///< All effects and all answers, as they stand.
  claim,
  try_claim,
  cancel,
  release,
  add,
  remove,
  change,
  refresh,     ///< The resolver starts anew, names some, and is done.
  give_up,     ///< The resolver's run ends with an error.
  nonsense,    ///< Unknown backends are removed and changed, known ones added.
  mode,        ///< A backend accepts, refuses or hangs.
  cut,         ///< A connection breaks.
  fire,        ///< A close-watch reports something.
  invalidate,  ///< All connections, or those of one backend.
  resize,      ///< There may be so many connections.
  wait_ready,
  stale,  ///< An event of a slot that is long gone.
  stop,

  // In sliced scripts only.
  claim_all,      ///< Whatever is idle; and as many wait until one deadline as the outside likes.
  release_all,    ///< Or so.
  announce_anew,  ///< A backend is removed, and announced again after so many slices of the rebalance.
  drain,          ///< All slices of what is to be done now.
};

struct op {
  op_kind kind{};
  std::uint8_t a = 0;
  std::uint8_t b = 0;
};

using script = std::vector<op>;

std::ostream& operator<<(std::ostream& out, const setting& shown);
std::ostream& operator<<(std::ostream& out, const op& shown);

/// Any composition and any small options.
rc::Gen<setting> any_setting(compositions of);

/// As `any_setting`, with bounds on those who wait, connections that age, checks and resets.
rc::Gen<setting> any_loaded_setting(compositions of);

/// As `any_setting`, with work in small slices and up to 40 connections.
rc::Gen<setting> any_sliced_setting(compositions of);

/// `length` times the size of the case; with stops in it or without.
rc::Gen<script> any_script(double length, bool with_stop);

/// Much happens at once, and between slices.
rc::Gen<script> any_sliced_script(double length);

}  // namespace cueball::laws
