// SPDX-License-Identifier: BSL-1.0
/// \file
/// decoherence::jittered: shuffles at random intervals, so that a fleet of pools does not shuffle in step.
#pragma once

#include <chrono>
#include <string_view>

#include <cueball/decoherence_policy.hpp>

namespace cueball::decoherence {

/// A shuffle, and a step in the preference list, after a time drawn uniformly from `interval * (1 - spread)`
/// to `interval * (1 + spread)`, again and again.
struct jittered {
  using category = decoherence_policy;
  static constexpr std::string_view name = "decoherence::jittered";

  /// More than zero, or no shuffle ever comes.
  duration interval = std::chrono::seconds{300};

  /// 0 to 1.
  double spread = 0.5;

  decoherence_step next(time_point now, const coherence&, random_source& random) const noexcept {
    if (interval == no_limit) return {};
    const auto factor = 1.0 + spread * (2.0 * random.fraction() - 1.0);
    const auto drawn = duration{static_cast<duration::rep>(static_cast<double>(interval.count()) * factor)};
    return {after(now, drawn), decoherence_step::action::shuffle_and_regroup};
  }
};

}  // namespace cueball::decoherence
