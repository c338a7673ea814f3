// SPDX-License-Identifier: BSL-1.0
/// \file
/// From the policies that the user named, in any order, to one of each axis. The only header that uses
/// Boost.Hana.
#pragma once

#include <concepts>
#include <cstddef>
#include <type_traits>

#include <boost/hana/bool.hpp>
#include <boost/hana/filter.hpp>
#include <boost/hana/front.hpp>
#include <boost/hana/tuple.hpp>
#include <boost/hana/type.hpp>

#include <cueball/decoherence/periodic.hpp>
#include <cueball/decoherence_policy.hpp>
#include <cueball/observer/silent.hpp>
#include <cueball/observer_policy.hpp>
#include <cueball/queue/fifo.hpp>
#include <cueball/queue_policy.hpp>
#include <cueball/rebalance/even_spread.hpp>
#include <cueball/rebalance_policy.hpp>
#include <cueball/threading/multi_threaded.hpp>
#include <cueball/threading_policy.hpp>

namespace cueball {

/// One policy of each axis, in this order: so two pools of the same policies have the same type.
template <class Queue, class Rebalance, class Decoherence, class Threading, class Observer>
struct policy_set {
  using queue = Queue;
  using rebalance = Rebalance;
  using decoherence = Decoherence;
  using threading = Threading;
  using observer = Observer;
};

namespace detail {

using default_policies = policy_set<queue::fifo, rebalance::even_spread, decoherence::periodic,
                                    threading::multi_threaded, observer::silent>;

template <class Category, class... Categories>
inline constexpr bool is_one_of = (std::same_as<Category, Categories> || ...);

/// A type that names one of the axes.
template <class Policy>
concept some_policy = requires {
  typename Policy::category;
  requires is_one_of<typename Policy::category, queue_policy, rebalance_policy, decoherence_policy,
                     threading_policy, observer_policy>;
};

/// The policy models the concept of its axis.
template <class Policy>
concept lawful_policy =
    (!std::same_as<typename Policy::category, queue_policy> || queue_strategy<Policy>) &&
    (!std::same_as<typename Policy::category, rebalance_policy> || rebalance_strategy<Policy>) &&
    (!std::same_as<typename Policy::category, decoherence_policy> || decoherence_schedule<Policy>) &&
    (!std::same_as<typename Policy::category, threading_policy> || threading_model<Policy>) &&
    (!std::same_as<typename Policy::category, observer_policy> || pool_observer<Policy>);

template <class First, class Second>
inline constexpr bool same_axis = std::same_as<typename First::category, typename Second::category>;

template <class Category>
struct is_of {
  template <class Type>
  constexpr auto operator()(Type) const noexcept {
    return boost::hana::bool_c<std::same_as<typename Type::type::category, Category>>;
  }
};

/// The first given policy that is of the category, the default standing last.
template <class Category, class Default, class... Policies>
using select = typename decltype(+boost::hana::front(
    boost::hana::filter(boost::hana::tuple_t<Policies..., Default>, is_of<Category>{})))::type;

// The checks. Each is asked only when those before it passed, so that a mistake gives one error.

template <class Policy>
constexpr bool is_a_policy() {
  static_assert(
      some_policy<Policy>,
      "cueball: Policy is not a policy: it names no axis. Give it `using category = cueball::queue_policy` "
      "or one of the other axes; see docs/policies.md");
  return some_policy<Policy>;
}

template <class First, class Second>
constexpr bool on_different_axes() {
  static_assert(!same_axis<First, Second>,
                "cueball: First and Second are policies of the same axis: name only one of them");
  return !same_axis<First, Second>;
}

/// Stops at the first pair of one axis.
template <class First, class Second, class... Others>
constexpr bool first_on_axis_of_its_own() {
  if constexpr (same_axis<First, Second> || sizeof...(Others) == 0)
    return on_different_axes<First, Second>();
  else
    return first_on_axis_of_its_own<First, Others...>();
}

template <class First, class... Others>
constexpr bool all_on_different_axes() {
  if constexpr (sizeof...(Others) == 0)
    return true;
  else if constexpr (!(same_axis<First, Others> || ...))
    return all_on_different_axes<Others...>();
  else
    return first_on_axis_of_its_own<First, Others...>();
}

/// An assertion for each axis, because compilers show what fails in a concept, but not in a disjunction of
/// them.
template <class Policy>
constexpr bool is_lawful() {
  using category = typename Policy::category;
  if constexpr (std::same_as<category, queue_policy>) {
    static_assert(queue_strategy<Policy>,
                  "cueball: Policy names an axis but does not model the concept of that axis (the lines "
                  "below say which "
                  "expression fails); see docs/policies.md");
  } else if constexpr (std::same_as<category, rebalance_policy>) {
    static_assert(rebalance_strategy<Policy>,
                  "cueball: Policy names an axis but does not model the concept of that axis (the lines "
                  "below say which "
                  "expression fails); see docs/policies.md");
  } else if constexpr (std::same_as<category, decoherence_policy>) {
    static_assert(decoherence_schedule<Policy>,
                  "cueball: Policy names an axis but does not model the concept of that axis (the lines "
                  "below say which "
                  "expression fails); see docs/policies.md");
  } else if constexpr (std::same_as<category, threading_policy>) {
    static_assert(threading_model<Policy>,
                  "cueball: Policy names an axis but does not model the concept of that axis (the lines "
                  "below say which "
                  "expression fails); see docs/policies.md");
  } else {
    static_assert(pool_observer<Policy>,
                  "cueball: Policy names an axis but does not model the concept of that axis (the lines "
                  "below say which "
                  "expression fails); see docs/policies.md");
  }
  return lawful_policy<Policy>;
}

template <class Queue, class Threading>
constexpr bool go_together() {
  constexpr bool together = !shares_front<Threading> || concurrent_queue_strategy<Queue>;
  static_assert(
      together,
      "cueball: Queue has no concurrent form, which Threading needs: claims and releases take no lock. "
      "Give it a `template <template <class> class Atomic> class concurrent`, or take "
      "threading::multi_threaded; see docs/policies.md");
  return together;
}

template <class... Policies>
struct assembler {
  static constexpr bool check() {
    if constexpr (!(some_policy<Policies> && ...))
      return (is_a_policy<Policies>() && ...);
    else if constexpr (sizeof...(Policies) > 0)
      if constexpr (!all_on_different_axes<Policies...>())
        return false;
      else if constexpr (!(lawful_policy<Policies> && ...))
        return (is_lawful<Policies>() && ...);
      else
        return go_together<select<queue_policy, default_policies::queue, Policies...>,
                           select<threading_policy, default_policies::threading, Policies...>>();
    else
      return true;
  }

  static constexpr auto assemble() {
    if constexpr (check())
      return std::type_identity<
          policy_set<select<queue_policy, default_policies::queue, Policies...>,
                     select<rebalance_policy, default_policies::rebalance, Policies...>,
                     select<decoherence_policy, default_policies::decoherence, Policies...>,
                     select<threading_policy, default_policies::threading, Policies...>,
                     select<observer_policy, default_policies::observer, Policies...>>>{};
    else
      return std::type_identity<default_policies>{};  // so that nothing else fails
  }
};

}  // namespace detail

/// Sorts `Policies` by axis and fills in the defaults. Wrong use gives one readable error.
template <class... Policies>
using make_policy_set = typename decltype(detail::assembler<Policies...>::assemble())::type;

}  // namespace cueball
