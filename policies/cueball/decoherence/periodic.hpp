// SPDX-License-Identifier: BSL-1.0
/// \file
/// decoherence::periodic: a shuffle at equal intervals, and another backend where not all are used. The
/// default.
#pragma once

#include <chrono>
#include <string_view>

#include <cueball/decoherence_policy.hpp>

namespace cueball::decoherence {

/// A shuffle, and a step in the preference list, every `interval`, counted from the start of the pool. The
/// default is what rust-cueball takes.
struct periodic {
  using category = decoherence_policy;
  static constexpr std::string_view name = "decoherence::periodic";

  /// More than zero, or no shuffle ever comes.
  duration interval = std::chrono::seconds{300};

  decoherence_step next(time_point now, const coherence&, random_source&) const noexcept {
    return {after(now, interval), decoherence_step::action::shuffle_and_regroup};
  }
};

}  // namespace cueball::decoherence
