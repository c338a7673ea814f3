// SPDX-License-Identifier: BSL-1.0
/// \file
/// Until when an operation may wait.
#pragma once

#include <chrono>

#include <cueball/time.hpp>

namespace cueball {

/// A time point, or a duration counted from the call; `no_limit` waits for ever. One in the past does not
/// wait.
class deadline {
 public:
  deadline(time_point when) noexcept : when_(when) {}  // NOLINT: implicit, so that calls read well

  template <class Rep, class Period>
  deadline(std::chrono::duration<Rep, Period> length) noexcept  // NOLINT: likewise
      : length_(in_range(length)), relative_(true) {}

  /// \param now is asked for the time only if that matters.
  template <class Clock>
  time_point resolve(Clock now) const {
    if (!relative_) return when_;
    return length_ == no_limit ? never_comes : after(now(), length_);
  }

 private:
  /// Lengths that do not fit are as good as no limit, or as none at all.
  template <class Rep, class Period>
  static duration in_range(std::chrono::duration<Rep, Period> length) noexcept {
    using seconds = std::chrono::duration<double>;
    constexpr seconds most{std::chrono::hours{24 * 365 * 200}};
    if (seconds{length} > most) return no_limit;
    if (!(seconds{length} >= -most)) return duration::zero();
    return std::chrono::duration_cast<duration>(length);
  }

  time_point when_ = never_comes;
  duration length_ = no_limit;
  bool relative_ = false;
};

}  // namespace cueball
