// SPDX-License-Identifier: BSL-1.0
/// \file
/// The decoherence axis: when is a pattern in the order of use broken, and how?
#pragma once

#include <concepts>
#include <cstdint>
#include <string_view>

#include <cueball/random.hpp>
#include <cueball/time.hpp>

namespace cueball {

/// Names the axis.
struct decoherence_policy {};

/// How regular the order of the idle connections is at this moment.
struct coherence {
  std::uint32_t idle = 0;  ///< Idle connections.
  std::uint32_t longest_run =
      0;  ///< Of one backend in the order of claiming; 0 if the queue does not show it.
};

/// What to do next.
struct decoherence_step {
  enum class action { none, shuffle };

  time_point when = never_comes;
  action what = action::none;
};

/// A policy of the decoherence axis. See docs/policies.md for what each expression means.
template <class Policy>
concept decoherence_schedule =
    requires(const Policy& policy, time_point now, const coherence& measured, random_source random) {
      requires std::same_as<typename Policy::category, decoherence_policy>;
      requires std::convertible_to<decltype(Policy::name), std::string_view>;
      requires std::copy_constructible<Policy>;
      // Asked when the pool starts and after each step; a time that is not after `now` counts as
      // `never_comes`.
      { policy.next(now, measured, random) } noexcept -> std::same_as<decoherence_step>;
    };

}  // namespace cueball
