// SPDX-License-Identifier: BSL-1.0
/// \file
/// The observer axis: who hears of the pool's events?
#pragma once

#include <concepts>
#include <string_view>
#include <utility>

#include <cueball/events.hpp>

namespace cueball {

/// Names the axis.
struct observer_policy {};

namespace detail {

/// The observer takes the event, by reference, without throwing.
template <class Observer, class Event>
concept hears = requires(Observer& observer, const Event& event) {
  { observer.on(event) } noexcept;
};

}  // namespace detail

/// A policy of the observer axis: one `on` for each event. Hooks are called outside every lock of the pool;
/// those of `claimed_event` and `released_event` on the caller's thread, perhaps at once on several, all
/// others one at a time in the order in which the pool decided. A hook may call the pool.
template <class Policy>
concept pool_observer = requires {
  requires std::same_as<typename Policy::category, observer_policy>;
  requires std::convertible_to<decltype(Policy::name), std::string_view>;
  requires std::move_constructible<Policy>;
  requires detail::hears<Policy, claimed_event>;
  requires detail::hears<Policy, released_event>;
  requires detail::hears<Policy, connected_event>;
  requires detail::hears<Policy, connect_failed_event>;
  requires detail::hears<Policy, closed_event>;
  requires detail::hears<Policy, backend_added_event>;
  requires detail::hears<Policy, backend_changed_event>;
  requires detail::hears<Policy, backend_removed_event>;
  requires detail::hears<Policy, backend_dead_event>;
  requires detail::hears<Policy, backend_alive_event>;
  requires detail::hears<Policy, resolver_failed_event>;
  requires detail::hears<Policy, plan_failed_event>;
  requires detail::hears<Policy, rebalanced_event>;
  requires detail::hears<Policy, shuffled_event>;
  requires detail::hears<Policy, state_changed_event>;
};

/// True for an observer that says `static constexpr bool ignores_everything = true`: no event is made for it.
template <class Policy>
inline constexpr bool ignores_everything = requires { requires Policy::ignores_everything; };

/// True for one that says `static constexpr bool ignores_leases = true`, too: it is not called for
/// `claimed_event` and `released_event`, and claims and releases are as fast as with `observer::silent`.
template <class Policy>
inline constexpr bool ignores_leases =
    ignores_everything<Policy> || requires { requires Policy::ignores_leases; };

/// True for one that also has an `on` for `lease_overdue_event`.
template <class Policy>
inline constexpr bool hears_overdue_leases =
    !ignores_everything<Policy> && detail::hears<Policy, lease_overdue_event>;

}  // namespace cueball
