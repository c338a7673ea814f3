// SPDX-License-Identifier: BSL-1.0
/// \file
/// Whom to shed when claims wait for too long.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>

#include <cueball/time.hpp>

namespace cueball::core {

/// CoDel's control law for a line of waiters: "Controlled Delay Active Queue Management", RFC 8289,
/// section 5. When nobody who came to the front had waited for less than the target during one interval, one
/// is shed, and then one after interval / sqrt(n) each, for the n-th of them, until somebody has waited for
/// less.
class codel {
 public:
  static constexpr duration interval = std::chrono::milliseconds{100};

  /// \param target `no_limit`: nobody is shed
  explicit codel(duration target) noexcept : target_(target) {}

  bool is_on() const noexcept { return target_ != no_limit; }

  /// How old a waiter may get, whoever else is served. (As in node-cueball.)
  /// \pre is_on()
  duration oldest() const noexcept {
    const int times = is_dropping_ ? 3 : 10;
    return target_ > duration::max() / times ? duration::max() : target_ * times;
  }

  /// Somebody can be served: sheds those at the front of the line who are not to be.
  /// \param first since when who is first in line waits; nothing if he is the only one, who is never shed
  /// \param shed takes him out of the line
  /// \pre is_on()
  template <class First, class Shed>
  void make_way(time_point now, First first, Shed shed) {
    bool too_late = is_too_late(first(), now);
    if (is_dropping_) {
      if (!too_late) is_dropping_ = false;
      // If nobody was served for a while, there is not much to make up for.
      next_ = std::max(next_, now - interval);
      while (is_dropping_ && now >= next_) {
        shed();
        ++count_;
        too_late = is_too_late(first(), now);
        if (too_late)
          next_ = next_after(next_);
        else
          is_dropping_ = false;
      }
    } else if (too_late) {
      shed();
      (void)is_too_late(first(), now);
      is_dropping_ = true;
      // Shortly after the last time, the rate that was right then is a good one to begin with.
      const auto grown = count_ - last_count_;
      count_ = grown > 1 && now - next_ < 16 * interval ? grown : 1;
      next_ = next_after(now);
      last_count_ = count_;
    }
  }

  /// Nobody waits: whoever comes next has not waited for long.
  void line_is_empty() noexcept {
    above_since_ = never_comes;
    is_dropping_ = false;
  }

 private:
  /// Was everybody, for one interval?
  bool is_too_late(const std::optional<time_point>& since, time_point now) noexcept {
    if (!since || now - *since < target_) {
      above_since_ = never_comes;
      return false;
    }
    above_since_ = std::min(above_since_, now);
    return now - above_since_ >= interval;
  }

  time_point next_after(time_point last) const noexcept {
    const auto part = static_cast<double>(interval.count()) / std::sqrt(static_cast<double>(count_));
    return last + duration{static_cast<duration::rep>(part)};
  }

  duration target_;
  time_point above_since_ = never_comes;
  bool is_dropping_ = false;
  time_point next_{};  ///< When the next one is shed.
  std::uint32_t count_ = 0;
  std::uint32_t last_count_ = 0;
};

}  // namespace cueball::core
