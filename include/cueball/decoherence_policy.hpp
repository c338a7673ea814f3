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

  // Of the first ones, in the order of claiming; 0 if the queue does not show it.
  std::uint32_t longest_run = 0;  ///< Of one backend.
  std::uint32_t looked_at = 0;    ///< Connections.
  std::uint32_t backends = 0;     ///< That they are of.
  std::uint32_t repeats = 0;      ///< Neighbours that are of one backend.
  double by_chance = 0;           ///< What `repeats` is in the mean over all orders of the same connections.

  /// How regular that is, against chance: 0 is what chance gives, in the mean over all orders; 1 is the
  /// connections of each backend side by side; below 0 the backends take turns more often than by chance. 0
  /// also if every order is like any other.
  double excess() const noexcept {
    const auto range = static_cast<double>(looked_at - backends) - by_chance;
    return range > 0 ? (static_cast<double>(repeats) - by_chance) / range : 0.0;
  }
};

/// What to do next.
struct decoherence_step {
  enum class action {
    none,     ///< To be asked again.
    shuffle,  ///< The order of the idle connections.
    regroup,  ///< One of the backends in use changes places in the preference list with any that is live;
              ///< nothing where the strategy uses no preferences.
    shuffle_and_regroup
  };

  time_point when = never_comes;
  action what = action::none;
};

/// A policy of the decoherence axis. See docs/policies.md for what each expression means.
template <class Policy>
concept decoherence_schedule =
    requires(Policy& policy, time_point now, const coherence& measured, random_source random) {
      requires std::same_as<typename Policy::category, decoherence_policy>;
      requires std::convertible_to<decltype(Policy::name), std::string_view>;
      requires std::copy_constructible<Policy>;
      // Asked when the pool starts and when each step begins; a time that is not after `now` counts as
      // `never_comes`. Each pool asks a copy of its own, which may remember.
      { policy.next(now, measured, random) } noexcept -> std::same_as<decoherence_step>;
    };

}  // namespace cueball
