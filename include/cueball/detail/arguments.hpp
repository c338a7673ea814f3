// SPDX-License-Identifier: BSL-1.0
/// \file
/// Sorts what a pool is constructed from. Each mistake gives one error.
#pragma once

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution_context.hpp>

#include <cueball/connection.hpp>
#include <cueball/detail/engine.hpp>
#include <cueball/detail/seat.hpp>
#include <cueball/pool_options.hpp>
#include <cueball/resolver.hpp>

namespace cueball::detail {

template <class Argument>
concept an_executor = std::convertible_to<Argument, boost::asio::any_io_executor>;

template <class Argument>
concept a_context = std::derived_from<std::remove_cvref_t<Argument>, boost::asio::execution_context> &&
                    requires(Argument context) { context.get_executor(); };

template <class Argument>
concept some_options = std::same_as<std::remove_cvref_t<Argument>, pool_options>;

template <class Argument>
concept a_policy_value = requires { typename std::remove_cvref_t<Argument>::category; };

/// `go(places, resolver, maker, options, queue, rebalance, decoherence, observer)` is called with all of it,
/// if nothing is wrong.
template <class Connection, class Policies>
struct arguments {
  using threading = typename Policies::threading;

  template <class Go, class... Arguments>
  static void take(Go go, Arguments&&... given) {
    static_assert(
        poolable_connection<Connection>,
        "cueball: Connection is no connection: it needs async_connect(token) or connect(deadline), and a "
        "noexcept close(); see docs/policies.md");
    if constexpr (poolable_connection<Connection>) take_place(go, std::forward<Arguments>(given)...);
  }

 private:
  template <class Go, class First, class... Rest>
  static void take_place(Go& go, First&& first, Rest&&... rest) {
    if constexpr (an_executor<First>) {
      take_resolver(go, [&] { return places::on<threading>(first); }, std::forward<Rest>(rest)...);
    } else if constexpr (a_context<First>) {
      take_resolver(
          go, [&] { return places::on<threading>(first.get_executor()); }, std::forward<Rest>(rest)...);
    } else {
      static_assert(
          threading::blocks,
          "cueball: a pool with this threading policy needs an executor (or an execution context) as its "
          "first argument: it has no thread of its own");
      if constexpr (threading::blocks)
        take_resolver(
            go, [] { return places::of_its_own(); }, std::forward<First>(first), std::forward<Rest>(rest)...);
    }
  }

  template <class Go, class Place>
  static void take_resolver(Go&, Place) {
    static_assert(!std::same_as<Place, Place>,
                  "cueball: a pool needs a resolver, which tells it the backends");
  }

  template <class Go, class Place, class Resolver, class... Rest>
  static void take_resolver(Go& go, Place place, Resolver&& resolver, Rest&&... rest) {
    using type = std::remove_cvref_t<Resolver>;
    constexpr bool fits = threading::blocks || async_resolver<type> || !blocking_resolver<type>;
    static_assert(
        backend_resolver<type>,
        "cueball: the argument in the place of the resolver is none: it needs async_run(sink, token) or "
        "run(sink, stop_token); see docs/policies.md");
    static_assert(
        fits,
        "cueball: a blocking resolver reports from another thread, which this threading policy does "
        "not allow");
    if constexpr (backend_resolver<type> && fits)
      take_make(go, place, std::forward<Resolver>(resolver), std::forward<Rest>(rest)...);
  }

  template <class Go, class Place, class Resolver>
  static void take_make(Go& go, Place place, Resolver&& resolver) {
    make_by_default(go, place, std::forward<Resolver>(resolver), pool_options{});
  }

  template <class Go, class Place, class Resolver, class First, class... Rest>
  static void take_make(Go& go, Place place, Resolver&& resolver, First&& first, Rest&&... rest) {
    if constexpr (some_options<First>) {
      make_by_default(go, place, std::forward<Resolver>(resolver), first, std::forward<Rest>(rest)...);
    } else if constexpr (a_policy_value<First>) {
      make_by_default(go, place, std::forward<Resolver>(resolver), pool_options{}, std::forward<First>(first),
                      std::forward<Rest>(rest)...);
    } else {
      using type = std::remove_cvref_t<First>;
      static_assert(
          connection_maker<type, Connection>,
          "cueball: the argument in the place of the make function is none: it has to be callable with "
          "(const backend&), or with (const any_io_executor&, const backend&), and return the Connection");
      if constexpr (connection_maker<type, Connection>)
        take_options(go, place, std::forward<Resolver>(resolver),
                     maker_from<Connection>(type(std::forward<First>(first))), std::forward<Rest>(rest)...);
    }
  }

  template <class Go, class Place, class Resolver, class... Values>
  static void make_by_default(Go& go, Place place, Resolver&& resolver, const pool_options& options,
                              Values&&... values) {
    static_assert(
        makes_itself<Connection>,
        "cueball: Connection cannot be constructed from (any_io_executor, backend) or (backend), so the "
        "pool needs a make function after the resolver");
    if constexpr (makes_itself<Connection>)
      take_values(go, place, std::forward<Resolver>(resolver), default_maker<Connection>(), options,
                  std::forward<Values>(values)...);
  }

  template <class Go, class Place, class Resolver>
  static void take_options(Go& go, Place place, Resolver&& resolver, maker<Connection> make) {
    take_values(go, place, std::forward<Resolver>(resolver), std::move(make), pool_options{});
  }

  template <class Go, class Place, class Resolver, class First, class... Rest>
  static void take_options(Go& go, Place place, Resolver&& resolver, maker<Connection> make, First&& first,
                           Rest&&... rest) {
    if constexpr (some_options<First>)
      take_values(go, place, std::forward<Resolver>(resolver), std::move(make), first,
                  std::forward<Rest>(rest)...);
    else
      take_values(go, place, std::forward<Resolver>(resolver), std::move(make), pool_options{},
                  std::forward<First>(first), std::forward<Rest>(rest)...);
  }

  template <class Value>
  static constexpr bool is_named =
      std::same_as<Value, typename Policies::queue> || std::same_as<Value, typename Policies::rebalance> ||
      std::same_as<Value, typename Policies::decoherence> || std::same_as<Value, threading> ||
      std::same_as<Value, typename Policies::observer>;

  template <class Value>
  static constexpr bool check_named() {
    static_assert(
        is_named<Value>,
        "cueball: Value is not one of the policies that the type of the pool names: a value only carries "
        "the state of a policy; the type selects it");
    return is_named<Value>;
  }

  template <class Policy, class... Values>
  static constexpr bool check_has_value() {
    constexpr bool has = std::default_initializable<Policy> || (std::same_as<Policy, Values> || ...);
    static_assert(has, "cueball: Policy cannot be default-constructed: give the pool a value of it");
    return has;
  }

  template <class... Values>
  static constexpr bool check_values() {
    if constexpr (!(is_named<Values> && ...))
      return (check_named<Values>() && ...);
    else
      return check_has_value<typename Policies::queue, Values...>() &&
             check_has_value<typename Policies::rebalance, Values...>() &&
             check_has_value<typename Policies::decoherence, Values...>() &&
             check_has_value<typename Policies::observer, Values...>();
  }

  /// The given value of the policy, or a default one.
  template <class Policy>
  static Policy value_of() {
    return Policy{};
  }

  template <class Policy, class First, class... Rest>
  static Policy value_of(First&& first, Rest&&... rest) {
    if constexpr (std::same_as<Policy, std::remove_cvref_t<First>>)
      return std::forward<First>(first);
    else
      return value_of<Policy>(std::forward<Rest>(rest)...);
  }

  template <class Go, class Place, class Resolver, class... Values>
  static void take_values(Go& go, Place place, Resolver&& resolver, maker<Connection> make,
                          const pool_options& options, Values&&... values) {
    if constexpr (check_values<std::remove_cvref_t<Values>...>()) {
      // Each takes the one value that is its own, so each may be moved from.
      go(place(), std::remove_cvref_t<Resolver>(std::forward<Resolver>(resolver)), std::move(make), options,
         value_of<typename Policies::queue>(std::forward<Values>(values)...),
         value_of<typename Policies::rebalance>(std::forward<Values>(values)...),
         value_of<typename Policies::decoherence>(std::forward<Values>(values)...),
         value_of<typename Policies::observer>(std::forward<Values>(values)...));
    }
  }
};

}  // namespace cueball::detail
