// SPDX-License-Identifier: BSL-1.0
/// \file
/// How often something may be done: a token bucket.
#pragma once

#include <algorithm>
#include <cstdint>

#include <cueball/time.hpp>

namespace cueball::core {

/// So many at once, and then one each interval; what is not used is saved up, to as many as may be at once.
/// In any time t there are no more than `at_once + t / interval`.
class budget {
 public:
  struct rate {
    duration interval{};  ///< 0: no bound.
    std::uint32_t at_once = 1;

    bool is_bounded() const noexcept { return interval != duration{}; }
  };

  /// When the next one may be: now, or later.
  time_point next(const rate& of) const noexcept {
    return of.is_bounded() ? full_at_ - of.interval * (of.at_once - 1) : time_point{};
  }

  /// How many may be at once now.
  std::uint32_t left(const rate& of, time_point now) const noexcept {
    if (!of.is_bounded()) return UINT32_MAX;
    const auto owed = std::max(duration{}, full_at_ - now);
    const auto taken = (owed + of.interval - duration{1}) / of.interval;
    return taken < of.at_once ? of.at_once - static_cast<std::uint32_t>(taken) : 0;
  }

  /// One is done.
  void spend(const rate& of, time_point now) noexcept {
    if (of.is_bounded()) full_at_ = std::max(full_at_, now) + of.interval;
  }

 private:
  time_point full_at_{};  ///< When as many are saved up as may be.
};

}  // namespace cueball::core
