// SPDX-License-Identifier: BSL-1.0
/// \file
/// Delays that grow while nothing useful happens.
#pragma once

#include <cstdint>
#include <string>

#include <cueball/core/backoff.hpp>
#include <cueball/detail/refusal.hpp>
#include <cueball/pool_options.hpp>
#include <cueball/random.hpp>
#include <cueball/time.hpp>

namespace cueball::detail {

class growing_delay {
 public:
  growing_delay(duration first, duration most, double spread) noexcept
      : first_(first), most_(most), spread_(spread) {}

  /// After one more failure in a row.
  duration next(random_source& random) noexcept {
    if (failures_ < UINT32_MAX) ++failures_;
    return core::spread_out(core::doubled(first_, failures_ - 1, most_), spread_, random);
  }

  void reset() noexcept { failures_ = 0; }

 private:
  duration first_, most_;
  double spread_;
  std::uint32_t failures_ = 0;
};

/// \param aggregate "zookeeper_options::"
inline void check_duration(const std::string& field, duration value, duration least = shortest_interval,
                           duration most = longest_interval) {
  if (value < least || value > most)
    refuse(field, in_words(value), in_words(least) + " to " + in_words(most));
}

/// The fields of this name that all of the discovery's options have.
template <class Options>
void check_delays(const std::string& aggregate, const Options& options) {
  check_duration(aggregate + "delay", options.delay);
  check_duration(aggregate + "max_delay", options.max_delay, options.delay);
  if (!(options.spread >= 0.0 && options.spread <= 1.0))
    refuse(aggregate + "spread", std::to_string(options.spread), "0 to 1");
  if (options.patience.missing < 1) refuse(aggregate + "patience.missing", "0", "at least 1");
  check_duration(aggregate + "reread_delay", options.reread_delay);
}

}  // namespace cueball::detail
