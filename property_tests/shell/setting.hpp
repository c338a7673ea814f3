// SPDX-License-Identifier: BSL-1.0
/// \file
/// What a case is made of: a setting, and what happens in it. Small numbers, so that a case shrinks.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <vector>

#include <rapidcheck.h>

#include <cueball/pool_options.hpp>

namespace cueball::laws::shell {

struct setting {
  bool lock_free = false;   ///< With `threads`: the front has no lock.
  bool threads = false;     ///< The pool may be called by any thread, and ready handlers run in any order.
  bool dispatches = false;  ///< What is dispatched runs at once, not only what is in a strand.
  std::uint64_t seed = 0;   ///< Of the pool, and of the order.
  std::uint32_t max_connections = 4;
  bool strict = false;
  std::uint32_t warm = 0;  ///< So many backends are known, and the pool is whole, before the script begins.
  std::uint32_t per_backend = 2;
  std::uint32_t per_pool = 4;
  std::uint32_t rebalance_ms = 10;
  std::uint32_t watch_ms = 100;  ///< 0: no watch.
  std::uint32_t check_ms = 0;    ///< 0: no check.
  std::uint32_t check_timeout_ms = 50;
  std::uint32_t check_after_ms = 0;  ///< 0: no check.
  std::uint32_t timeout_ms = 1000;
  std::uint32_t delay_ms = 50;
  std::uint32_t max_delay_ms = 400;
  std::uint32_t spread_percent = 20;
  std::uint32_t decoherence_ms = 1000;

  pool_options options() const;
};

enum class op_kind : std::uint8_t {
  run,      ///< One handler that is ready.
  run_all,  ///< All that is ready, and what that makes ready.
  tick,     ///< All that is ready; then time goes on to whatever is next, and that as well.
  wait,     ///< Time goes on while handlers stay where they are: a busy executor.
  fire,     ///< Timers that are due become ready.
  claim,
  try_claim,
  block,  ///< A claim that blocks its thread; the script goes on meanwhile.
  cancel,
  release,
  add,
  remove,
  change,
  late,      ///< A sink of an earlier run says something.
  nonsense,  ///< Unknown backends, malformed ones.
  report,    ///< The resolver fails, or is done with its round.
  give_up,   ///< The resolver's run ends, with an error or without.
  resolver,  ///< How the resolver behaves from now on.
  mode,      ///< How a backend behaves from now on.
  answer,    ///< A connect that hangs ends.
  cut,       ///< A connection breaks.
  stray,     ///< A close-watch reports something.
  wait_ready,
  hook,  ///< The next event that is told calls the pool.

  // In scripts with stops only.
  stop,
  async_stop,
  destroy,
};

struct op {
  op_kind kind{};
  std::uint8_t a = 0;
  std::uint8_t b = 0;
};

using script = std::vector<op>;

std::ostream& operator<<(std::ostream& out, const setting& shown);
std::ostream& operator<<(std::ostream& out, const op& shown);

/// Either composition, and any small options.
rc::Gen<setting> any_setting();

/// How the pool may end within a script.
enum class endings { none, stop, destroy };

/// `length` times the size of the case.
rc::Gen<script> any_script(double length, endings with);

}  // namespace cueball::laws::shell
