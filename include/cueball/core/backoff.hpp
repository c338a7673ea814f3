// SPDX-License-Identifier: BSL-1.0
/// \file
/// How long an attempt may take, and how long to wait before the next one: `operation_recovery`, worked out.
#pragma once

#include <algorithm>
#include <cstdint>

#include <cueball/pool_options.hpp>
#include <cueball/random.hpp>
#include <cueball/time.hpp>

namespace cueball::core {

/// `first`, doubled so many times, at most `most`.
inline duration doubled(duration first, std::uint32_t times, duration most) noexcept {
  for (; times > 0 && first < most; --times) first = first > most / 2 ? most : first * 2;
  return std::min(first, most);
}

inline duration part_of(duration whole, double part) noexcept {
  return duration{static_cast<duration::rep>(static_cast<double>(whole.count()) * part)};
}

/// Multiplied by a random factor from `1 - spread` to `1 + spread`.
inline duration spread_out(duration middle, double spread, random_source& random) noexcept {
  return part_of(middle, 1.0 + spread * (2.0 * random.fraction() - 1.0));
}

/// The delay after the `failures`-th failed attempt in a row.
/// \pre failures >= 1
inline duration backoff_delay(const operation_recovery& how, std::uint32_t failures,
                              random_source& random) noexcept {
  return spread_out(doubled(how.delay, failures - 1, how.max_delay), how.spread, random);
}

/// How long the attempt after so many failed ones may take.
inline duration attempt_timeout(const operation_recovery& how, std::uint32_t failures) noexcept {
  return doubled(how.timeout, failures, how.max_timeout);
}

}  // namespace cueball::core
