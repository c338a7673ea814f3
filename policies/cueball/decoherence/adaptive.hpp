// SPDX-License-Identifier: BSL-1.0
/// \file
/// decoherence::adaptive: a shuffle when the order is measured to be regular, and no other.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include <cueball/decoherence_policy.hpp>
#include <cueball/detail/refusal.hpp>

namespace cueball::decoherence {

/// Measures every `interval`, and shuffles when the order is more regular than `high`; after that not before
/// `least_pause` is over, and not before it was measured to be less regular than `low`, or `most_pause` is
/// over. So an order that is near the limit does not make it shuffle again and again, and one that a shuffle
/// does not mend is shuffled seldom.
///
/// Regular is by `coherence::excess()`, for which 0 is what chance gives and 1 is the connections of each
/// backend side by side. The fewer connections, the farther from 0 is a random order: of four over two
/// backends, each third order has 1; of nine over three, one in fifty passes 0.5; of twelve over three, one
/// in a hundred does. Queues that do not show their order are never shuffled. It sees one pool alone, not
/// that many do the same at once; and it moves no connection to another backend.
struct adaptive {
  using category = decoherence_policy;
  static constexpr std::string_view name = "decoherence::adaptive";

  /// More than zero, or nothing is ever measured.
  duration interval = std::chrono::seconds{10};

  /// From above 0 to below 1, which nothing passes.
  double high = 0.5;

  /// Up to `high`.
  double low = 0.25;

  duration least_pause = std::chrono::seconds{60};

  /// `least_pause` or more.
  duration most_pause = std::chrono::seconds{300};

  /// What it remembers: its own.
  class memory {
    friend struct adaptive;
    bool acts_ = false;   ///< The next step is a shuffle.
    bool waits_ = false;  ///< For a measurement below `low`, or for the end of `most_pause`.
    time_point least_ = time_point::min();  ///< The end of `least_pause`.
    time_point most_ = time_point::min();   ///< Of `most_pause`.
  };
  memory remembered{};

  /// Throws `std::system_error` (`errc::bad_option`) with the name and value of what is bad.
  void check() const {
    if (!(high > 0.0 && high < 1.0)) refuse("high", std::to_string(high), "above 0 and below 1");
    if (!(low <= high)) refuse("low", std::to_string(low), "at most high, " + std::to_string(high));
    if (most_pause < least_pause)
      refuse("most_pause", detail::in_words(most_pause),
             "at least least_pause, " + detail::in_words(least_pause));
  }

  decoherence_step next(time_point now, const coherence& measured, random_source&) noexcept {
    auto& its = remembered;
    if (its.acts_) {  // the shuffle begins: what was measured is the order before it
      its.acts_ = false;
      its.waits_ = true;
      its.least_ = after(now, least_pause);
      its.most_ = after(now, most_pause);
    } else {
      const auto regular = measured.excess();
      if (regular < low || now >= its.most_) its.waits_ = false;
      its.acts_ = regular > high && !its.waits_ && now >= its.least_;
      // As soon as a step may come.
      if (its.acts_) return {after(now, std::chrono::milliseconds{1}), decoherence_step::action::shuffle};
    }
    return {after(now, interval), decoherence_step::action::none};
  }

 private:
  [[noreturn]] static void refuse(std::string_view field, const std::string& value,
                                  const std::string& range) {
    detail::refuse(std::string{name} + "::" + std::string{field}, value, range);
  }
};

}  // namespace cueball::decoherence
