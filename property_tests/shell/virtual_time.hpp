// SPDX-License-Identifier: BSL-1.0
/// \file
/// The clock that the simulated pool reads.
#pragma once

#include <chrono>

#include <cueball/time.hpp>

namespace cueball::laws::shell {

/// Stands still unless a world moves it.
struct virtual_clock {
  using duration = cueball::duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = cueball::time_point;
  static constexpr bool is_steady = true;

  static time_point now() noexcept { return current; }

  static inline time_point current{};
};

}  // namespace cueball::laws::shell
