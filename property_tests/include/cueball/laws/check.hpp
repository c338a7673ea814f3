// SPDX-License-Identifier: BSL-1.0
/// \file
/// All the laws of a policy, or of a pool, by its type alone.
#pragma once

#include <concepts>

#include <cueball/laws/decoherence.hpp>
#include <cueball/laws/observer.hpp>
#include <cueball/laws/pool.hpp>
#include <cueball/laws/queue.hpp>
#include <cueball/laws/rebalance.hpp>
#include <cueball/laws/threading.hpp>

namespace cueball::laws {

/// The laws of the axis that `Policy` names.
/// \param policy the value to be checked, where the default will not do
/// \throws law_broken, whose text says which law does not hold, in which case, and how to run that again
template <class Policy>
  requires requires { typename Policy::category; }
void check(const Policy& policy) {
  using category = typename Policy::category;
  if constexpr (std::same_as<category, queue_policy>)
    check_queue(policy);
  else if constexpr (std::same_as<category, rebalance_policy>)
    check_rebalance(policy);
  else if constexpr (std::same_as<category, decoherence_policy>)
    check_decoherence(policy);
  else if constexpr (std::same_as<category, threading_policy>)
    check_threading<Policy>();
  else
    check_observer<Policy>([&] { return policy; });
}

template <class Policy>
  requires requires { typename Policy::category; }
void check() {
  if constexpr (std::same_as<typename Policy::category, threading_policy>)
    check_threading<Policy>();
  else if constexpr (std::same_as<typename Policy::category, observer_policy>)
    check_observer<Policy>();
  else
    check(Policy{});
}

/// The laws of a whole pool: every rule, under random churn.
/// \param values of its policies, in any order, where the defaults will not do
template <class Pool, class... Values>
  requires requires { typename Pool::connection_type; }
void check(const Values&... values) {
  check_pool<Pool>(values...);
}

}  // namespace cueball::laws
