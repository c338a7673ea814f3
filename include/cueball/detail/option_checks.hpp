// SPDX-License-Identifier: BSL-1.0
/// \file
/// The ranges that fields of options are held to.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include <cueball/detail/refusal.hpp>
#include <cueball/error.hpp>
#include <cueball/time.hpp>

namespace cueball::detail {

inline constexpr duration shortest_interval = std::chrono::milliseconds{1};
inline constexpr duration longest_interval = std::chrono::hours{24 * 365};

/// Each check throws `std::system_error` (`errc::bad_option`) with the name and value of a bad field.
class option_checks {
 public:
  /// \param aggregate whose fields these are: "pool_options"
  explicit option_checks(std::string aggregate) : aggregate_(std::move(aggregate)) {}

  void count(const std::string& field, std::uint64_t value, std::uint64_t most) const {
    if (value < 1 || value > most) out_of(field, std::to_string(value), "1 to " + std::to_string(most));
  }

  void interval(const std::string& field, duration value, duration least = shortest_interval,
                duration most = longest_interval) const {
    if (value < least || value > most)
      out_of(field, in_words(value),
             in_words(least) + " to " + (most == longest_interval ? "365 days" : in_words(most)));
  }

  void limit(const std::string& field, duration value) const {
    if (value != no_limit && (value < shortest_interval || value > longest_interval))
      out_of(field, in_words(value), "1 ms to 365 days, or no_limit");
  }

  void fraction(const std::string& field, double value) const {
    if (!(value >= 0.0 && value <= 1.0)) out_of(field, std::to_string(value), "0 to 1");
  }

  /// \param prefix of both fields' names, with its dot
  void range(const std::string& prefix, const std::string& least_field, duration least,
             const std::string& most_field, duration most) const {
    interval(prefix + least_field, least);
    interval(prefix + most_field, most);
    if (most < least)
      out_of(prefix + most_field, in_words(most),
             "at least " + prefix + least_field + ", " + in_words(least));
  }

  /// The fields `delay`, `max_delay` and `spread`.
  template <class Options>
  void delays(const Options& options, const std::string& prefix = {}) const {
    range(prefix, "delay", options.delay, "max_delay", options.max_delay);
    fraction(prefix + "spread", options.spread);
  }

  /// \param values those that are allowed
  [[noreturn]] void out_of(const std::string& field, const std::string& value,
                           const std::string& values) const {
    refuse(aggregate_ + "::" + field, value, values);
  }

  /// \param problem a sentence: "it has an empty label"
  [[noreturn]] void wrong(const std::string& field, const std::string& value,
                          const std::string& problem) const {
    throw_error(errc::bad_option, aggregate_ + "::" + field + " is " + value + "; " + problem);
  }

 private:
  std::string aggregate_;
};

}  // namespace cueball::detail
