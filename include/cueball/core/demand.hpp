// SPDX-License-Identifier: BSL-1.0
/// \file
/// How large an elastic pool is to be.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>

#include <cueball/time.hpp>

namespace cueball::core {

/// The average of what was in use lately, so that a pool does not give up at once what it may need again.
/// Claims that waited in vain are no part of it.
///
/// An exponential average, by a factor of e^-0.2 each fifth of a second: the recent second counts most. It is
/// what node-cueball's low-pass filter of 128 taps computes, but for its last 1e-11, in one number.
class demand {
 public:
  static constexpr duration interval = std::chrono::milliseconds{200};

  /// Once each interval.
  void sample(std::uint32_t used) noexcept { average_ = used + (average_ - used) * decay; }

  /// At any time: so many are in use at this moment.
  void at_least(std::uint32_t used) noexcept { average_ = std::max<double>(average_, used); }

  double average() const noexcept { return average_; }

  /// The size that it asks for. A tenth of a connection is none.
  std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(std::ceil(average_ - 0.1)); }

 private:
  static constexpr double decay = 0.81873075307798185867;  // e^-0.2

  double average_ = 0.1;
};

}  // namespace cueball::core
