// SPDX-License-Identifier: BSL-1.0
/// \file
/// The connection set: `cueball::connection_set<Connection, Policies...>`.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>

#include <cueball/connection.hpp>
#include <cueball/connection_set_options.hpp>
#include <cueball/deadline.hpp>
#include <cueball/detail/arguments.hpp>
#include <cueball/detail/engine.hpp>
#include <cueball/detail/roster.hpp>
#include <cueball/error.hpp>
#include <cueball/policy_set.hpp>
#include <cueball/pool_stats.hpp>
#include <cueball/rebalance/subset.hpp>
#include <cueball/resolver.hpp>
#include <cueball/set_member.hpp>

namespace cueball {

/// For protocols that carry many requests over one connection: keeps one connection to each backend, or to
/// some of them, and tells its user which. Nothing is claimed; the user spreads his requests over the members
/// himself. Name it through `connection_set<Connection, Policies...>`.
///
/// Recovery, rebalances and decoherence are those of a pool. A connection that is up is *added*. It is
/// *removed* when its backend is withdrawn; when another one has taken its place (its backend died, the plan
/// moved, its lifetime is over); when it is broken; when the set stops. Its user then lets what is under way
/// finish, in his own time, and lets go of the member.
///
/// Each member is added once and then removed once, in that order, and at no time there are two members to
/// one backend. What was removed may be in use still when another connection to its backend is added.
///
/// Thread safety: that of the threading policy, as for a pool.
template <class Connection, class Policies>
class basic_connection_set {
 public:
  using connection_type = Connection;
  using member_type = set_member<Connection>;
  using change_type = set_change<Connection>;
  using policies = Policies;
  using threading = typename Policies::threading;
  using observer_type = typename Policies::observer;

  /// `([executor or context,] resolver, [make,] [options,] [policy values...])`, as for a pool; the options
  /// are `connection_set_options`.
  template <class First, class... Rest>
    requires(!std::same_as<std::remove_cvref_t<First>, basic_connection_set>)
  explicit basic_connection_set(First&& first, Rest&&... rest) {
    begin(std::forward<First>(first), std::forward<Rest>(rest)...);
  }

  // The same, where the options are written as `{.target = 4}`.

  template <class First, class... Values>
  basic_connection_set(First&& first, connection_set_options options, Values&&... values) {
    begin(std::forward<First>(first), options, std::forward<Values>(values)...);
  }

  template <class First, class Second, class... Values>
  basic_connection_set(First&& first, Second&& second, connection_set_options options, Values&&... values) {
    begin(std::forward<First>(first), std::forward<Second>(second), options, std::forward<Values>(values)...);
  }

  template <class First, class Second, class Third, class... Values>
  basic_connection_set(First&& first, Second&& second, Third&& third, connection_set_options options,
                       Values&&... values) {
    begin(std::forward<First>(first), std::forward<Second>(second), std::forward<Third>(third), options,
          std::forward<Values>(values)...);
  }

  basic_connection_set(const basic_connection_set&) = delete;
  basic_connection_set& operator=(const basic_connection_set&) = delete;

  /// `request_stop()`; then ends the set's own threads. Does not wait for members that are held: they are
  /// closed when they are let go.
  ~basic_connection_set() {
    if constexpr (poolable_connection<Connection>) {
      engine_->request_stop();
      roster_->abandon();
      engine_->abandon();
    }
  }

  // Changes.

  /// The next change that the user has not heard of, in the order in which they happened; waits for one until
  /// `until`. A member that is removed before the user has heard that it was added is never spoken of, so no
  /// more changes are kept than there are members, and members that he knows and that were removed. Throws
  /// `errc::wait_timeout`; `errc::stopped`, when the set was stopped and he has heard of everything; or
  /// `errc::would_deadlock` on the set's own thread.
  change_type next(deadline until = no_limit) {
    error_code error;
    auto what = next(until, error);
    if (error) throw std::system_error(error, "cueball: next");
    return what;
  }

  change_type next(deadline until, error_code& error) {
    if constexpr (may_block<threading>())
      return roster_->next(until, error);
    else
      return {};
  }

  /// The same if there is one already.
  std::optional<change_type> try_next() { return roster_->try_next(); }

  /// Completes with `void(error_code, set_change<Connection>)`, through the handler's associated executor
  /// (default: the user's executor), never inside this call. Supports cancellation of all types:
  /// `operation_aborted`. Those who wait at once get the changes in turn.
  template <boost::asio::completion_token_for<void(error_code, change_type)> Token>
  auto async_next(Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code, change_type)>(
        [roster = roster_](auto&& handler) { roster->async_next(std::forward<decltype(handler)>(handler)); },
        token);
  }

  /// The members that the user has heard of, in the order of their backends' keys.
  std::vector<member_type> members() const { return roster_->members(); }

  /// From now on so many are kept: 1 to the `target` that the set was made with. Who is too much is removed.
  /// Throws `errc::bad_argument`. May be called from anywhere, also from hooks.
  void set_target(std::uint32_t target) {
    const auto most = engine_->options().max_connections;
    if (target < 1 || target > most)
      throw_error(errc::bad_argument, "set_target: " + std::to_string(target) + "; it must be 1 to " +
                                          std::to_string(most) + ", which the set was made with");
    engine_->set_most(target);
  }

  // Readiness.

  /// As a pool's: `count` connections are up.
  void wait_ready(std::uint32_t count, deadline until, error_code& error) {
    if constexpr (may_block<threading>()) engine_->wait_ready(count, until, error);
  }

  template <boost::asio::completion_token_for<void(error_code)> Token>
  auto async_wait_ready(std::uint32_t count, deadline until, Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code)>(
        [](auto&& handler, const auto& engine, std::uint32_t wanted, deadline when) {
          engine->async_wait_ready(wanted, when, std::forward<decltype(handler)>(handler));
        },
        token, engine_, count, until);
  }

  // The end.

  /// Removes every member, and cancels connects and the resolver. May be called more than once, from
  /// anywhere, also from hooks.
  void request_stop() noexcept { engine_->request_stop(); }

  /// `request_stop()`, then waits until every member is let go and closed, or until `until` (default:
  /// `stop_timeout` from now); what is still held then is closed here, on this thread, though its object
  /// stays until it is let go. Returns the number of connections that are left. Throws `errc::would_deadlock`
  /// on the set's own thread.
  std::size_t stop() { return stop(engine_->options().stop_timeout); }

  std::size_t stop(deadline until) {
    error_code error;
    const auto left = stop(until, error);
    if (error) throw std::system_error(error, "cueball: stop");
    return left;
  }

  std::size_t stop(deadline until, error_code& error) {
    if constexpr (may_block<threading>()) {
      error = {};
      const std::size_t left = engine_->stop(until, error);
      if (left > 0) roster_->close_held();
      return left;
    } else {
      return 0;
    }
  }

  /// Completes with `void(error_code, std::size_t left)`, as `async_next` does; what is still held then is
  /// closed right before that, and there. When the set is destroyed before the end, at once, and nothing is
  /// closed.
  template <boost::asio::completion_token_for<void(error_code, std::size_t)> Token>
  auto async_stop(deadline until, Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(
        [roster = roster_](auto&& handler, const auto& engine, deadline when) {
          const auto executor = boost::asio::get_associated_executor(handler, engine->executor());
          const auto allocator = boost::asio::get_associated_allocator(handler);
          const auto slot = boost::asio::get_associated_cancellation_slot(handler);
          engine->async_stop(
              when,
              boost::asio::bind_executor(
                  executor, boost::asio::bind_allocator(
                                allocator, boost::asio::bind_cancellation_slot(
                                               slot, [keep = engine->share(), roster,
                                                      handler = std::forward<decltype(handler)>(handler)](
                                                         error_code error, std::size_t left) mutable {
                                                 if (!error && left > 0) roster->close_held();
                                                 keep.reset();
                                                 std::move(handler)(error, left);
                                               }))));
        },
        token, engine_, until);
  }

  // What it is doing.

  /// Every member is useless or wrong without having said so: all are removed and replaced.
  void invalidate() { engine_->invalidate(); }

  /// The same, of the member of one backend. False if the set does not know it.
  bool invalidate(const backend& where) { return engine_->invalidate(where.key()); }

  pool_state state() const { return engine_->state(); }

  /// All numbers are of one moment. `claimed` are the members, and what was removed and is still held.
  pool_stats stats() const { return engine_->stats(); }

  /// Where connections are made and completions run.
  const boost::asio::any_io_executor& executor() const noexcept { return engine_->executor(); }

  /// The observer, which the set owns. It hears of what a pool's hears of, but claims and releases.
  observer_type& observer() noexcept { return engine_->observer(); }

 private:
  using engine_type = detail::engine<Connection, Policies>;
  using roster_type = detail::roster<Connection, Policies>;

  template <class Threading>
  static constexpr bool may_block() {
    static_assert(
        Threading::blocks,
        "cueball: this call would block, and this threading policy has no thread that may wait: use "
        "async_next or try_next (async_stop); see docs/policies.md");
    return Threading::blocks;
  }

  template <class Argument>
  static decltype(auto) for_pool(Argument&& argument) {
    static_assert(!std::same_as<std::remove_cvref_t<Argument>, pool_options>,
                  "cueball: the options of a connection set are connection_set_options");
    if constexpr (std::same_as<std::remove_cvref_t<Argument>, connection_set_options>)
      return detail::pool_options_of(argument);
    else
      return std::forward<Argument>(argument);
  }

  template <class... Arguments>
  void begin(Arguments&&... arguments) {
    if constexpr ((std::same_as<std::remove_cvref_t<Arguments>, connection_set_options> || ...))
      detail::arguments<Connection, Policies>::take(
          [this](auto&&... given) { this->make(std::forward<decltype(given)>(given)...); },
          for_pool(std::forward<Arguments>(arguments))...);
    else
      detail::arguments<Connection, Policies>::take(
          [this](auto places, auto resolver, auto maker, const pool_options&, auto&&... values) {
            this->make(std::move(places), std::move(resolver), std::move(maker),
                       detail::pool_options_of(connection_set_options{}),
                       std::forward<decltype(values)>(values)...);
          },
          for_pool(std::forward<Arguments>(arguments))...);
  }

  template <class Places, class Resolver, class Maker, class Queue, class Rebalance, class Decoherence>
  void make(Places places, Resolver resolver, Maker maker, const pool_options& options, Queue queue,
            Rebalance rebalance, Decoherence decoherence, observer_type observer) {
    cueball::check(options);
    if constexpr (requires { rebalance.check(); }) rebalance.check();
    if constexpr (requires { decoherence.check(); }) decoherence.check();
    engine_ = std::make_shared<engine_type>(std::move(places), std::move(maker), options, queue, rebalance,
                                            decoherence, std::move(observer), true);
    auto roster = std::make_unique<roster_type>(*engine_);
    roster_ = roster.get();
    engine_->start(std::move(resolver), std::move(roster));
    roster_->begin();
  }

  std::shared_ptr<engine_type> engine_;
  roster_type* roster_ = nullptr;  ///< The engine's.
};

namespace detail {

template <class Policy, class Category>
concept policy_of = some_policy<Policy> && std::same_as<typename Policy::category, Category>;

/// The policies of a set: as those of a pool, but for what a set has no use for.
template <class... Policies>
struct set_policies {
  static constexpr bool check() {
    constexpr bool has_queue = (policy_of<Policies, queue_policy> || ...);
    static_assert(!has_queue,
                  "cueball: a connection set hands out no connections, so it takes no queue policy");
    constexpr bool is_subset =
        ((!policy_of<Policies, rebalance_policy> || std::same_as<Policies, rebalance::subset>) && ...);
    static_assert(
        is_subset,
        "cueball: the rebalance policy of a connection set is rebalance::subset: no backend has more "
        "than one connection");
    return !has_queue && is_subset;
  }

  static constexpr auto assemble() {
    if constexpr (!check())
      return std::type_identity<make_policy_set<rebalance::subset>>{};  // so that nothing else fails
    else if constexpr ((policy_of<Policies, rebalance_policy> || ...))
      return std::type_identity<make_policy_set<Policies...>>{};
    else
      return std::type_identity<make_policy_set<Policies..., rebalance::subset>>{};
  }
};

}  // namespace detail

/// At most one connection to each backend, spread over them by `rebalance::subset`. The policies, in any
/// order: decoherence (which moves the subset where there are more backends than `target`), threading,
/// observer; a value of `rebalance::subset` may name the set's place in its fleet.
template <class Connection, class... Policies>
using connection_set =
    basic_connection_set<Connection, typename decltype(detail::set_policies<Policies...>::assemble())::type>;

}  // namespace cueball
