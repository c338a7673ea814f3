// SPDX-License-Identifier: BSL-1.0
/// \file
/// How long to wait before connecting again.
#pragma once

#include <algorithm>
#include <cstdint>

#include <cueball/pool_options.hpp>
#include <cueball/random.hpp>
#include <cueball/time.hpp>

namespace cueball::core {

/// The delay after the `failures`-th failed attempt in a row, as `connect_recovery` says.
/// \pre failures >= 1
inline duration backoff_delay(const connect_recovery& recovery, std::uint32_t failures,
                              random_source& random) noexcept {
  auto delay = recovery.delay;
  for (std::uint32_t i = 1; i < failures && delay < recovery.max_delay; ++i)
    delay = delay > recovery.max_delay / 2 ? recovery.max_delay : delay * 2;
  const auto factor = 1.0 + recovery.spread * (2.0 * random.fraction() - 1.0);
  return duration{static_cast<duration::rep>(static_cast<double>(delay.count()) * factor)};
}

}  // namespace cueball::core
