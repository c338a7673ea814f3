// SPDX-License-Identifier: BSL-1.0
/// \file
/// Delays that grow while nothing useful happens.
#pragma once

#include <cstdint>

#include <cueball/core/backoff.hpp>
#include <cueball/detail/option_checks.hpp>
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

/// The fields of this name that all of the discovery's options have.
template <class Options>
void check_discovery(const option_checks& checks, const Options& options) {
  checks.delays(options);
  if (options.patience.missing < 1) checks.out_of("patience.missing", "0", "at least 1");
  checks.interval("reread_delay", options.reread_delay);
}

}  // namespace cueball::detail
