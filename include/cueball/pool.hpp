// SPDX-License-Identifier: BSL-1.0
/// \file
/// The pool: `cueball::pool<Connection, Policies...>`.
#pragma once

#include <concepts>
#include <memory>
#include <source_location>
#include <stop_token>
#include <string>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/is_executor.hpp>

#include <cueball/claim_report.hpp>
#include <cueball/claim_site.hpp>
#include <cueball/connection.hpp>
#include <cueball/deadline.hpp>
#include <cueball/detail/arguments.hpp>
#include <cueball/detail/engine.hpp>
#include <cueball/error.hpp>
#include <cueball/lease.hpp>
#include <cueball/policy_set.hpp>
#include <cueball/pool_options.hpp>
#include <cueball/pool_stats.hpp>
#include <cueball/resolver.hpp>

namespace cueball {

/// A pool of connections, spread over the backends that a resolver reports. Name it through
/// `pool<Connection, Policies...>`.
///
/// Thread safety: that of the threading policy. `multi_threaded` (the default) and `lock_free`: any thread
/// may call anything at any time but the destructor, beside which nothing may be called and no lazy operation
/// (`deferred`) be started; leases may end beside it. `single_threaded`: all calls, those of leases too, on
/// the executor that it was given.
///
/// Errors: functions with an `error_code&` set it; those without throw `std::system_error`. Besides, a
/// call may throw `std::bad_alloc`; memory that runs out in the pool's inner steps (connects, rebalances)
/// ends the program.
template <class Connection, class Policies>
class basic_pool {
 public:
  using connection_type = Connection;
  using lease_type = lease<Connection>;
  using policies = Policies;
  using threading = typename Policies::threading;
  using observer_type = typename Policies::observer;
  using site = detail::claim_site_for<observer_type>;  ///< A `std::source_location`, or nothing.

  /// `([executor or context,] resolver, [make,] [options,] [policy values...])`, in this order; policy values
  /// among themselves in any order.
  ///
  /// \param executor or execution context, which the user runs: connections are made on it and completions
  ///   run on it. Without one the pool runs a thread of its own; `single_threaded` needs one.
  /// \param resolver reports the backends. It is moved or copied into the pool.
  /// \param make makes a connection from `const backend&`, or from
  ///   `(const asio::any_io_executor&, const backend&)`. Not needed by a connection type that can be
  ///   constructed from the same.
  /// \param options are checked: `std::system_error` (`errc::bad_option`) names a bad one.
  template <class First, class... Rest>
    requires(!std::same_as<std::remove_cvref_t<First>, basic_pool>)
  explicit basic_pool(First&& first, Rest&&... rest) {
    begin(std::forward<First>(first), std::forward<Rest>(rest)...);
  }

  // The same, where the options are written as `{.max_connections = 12}`.

  template <class First, class... Values>
  basic_pool(First&& first, pool_options options, Values&&... values) {
    begin(std::forward<First>(first), options, std::forward<Values>(values)...);
  }

  template <class First, class Second, class... Values>
  basic_pool(First&& first, Second&& second, pool_options options, Values&&... values) {
    begin(std::forward<First>(first), std::forward<Second>(second), options, std::forward<Values>(values)...);
  }

  template <class First, class Second, class Third, class... Values>
  basic_pool(First&& first, Second&& second, Third&& third, pool_options options, Values&&... values) {
    begin(std::forward<First>(first), std::forward<Second>(second), std::forward<Third>(third), options,
          std::forward<Values>(values)...);
  }

  basic_pool(const basic_pool&) = delete;
  basic_pool& operator=(const basic_pool&) = delete;

  /// `request_stop()`; then closes the idle connections and ends the pool's own threads. Does not wait for
  /// leases: those that are out close their connection when they are released. With blocking connections it
  /// waits for connects in flight, which end by their timeout; with a blocking resolver, for its run to end.
  ~basic_pool() {
    if constexpr (poolable_connection<Connection>) engine_->abandon();  // else the constructor has said so
  }

  // Claims.

  /// Takes a connection, and waits for one if none is idle: until `until` (default: `claim_timeout` from
  /// now), or until `stop` is requested. First come, first served. Throws `claim_error`:
  /// `errc::claim_timeout`, `errc::all_dead`, `errc::no_backend`, `errc::too_many_waiters`,
  /// `errc::overloaded`, `errc::stopped`, `errc::would_deadlock` (where it would wait on the pool's own
  /// thread), or `operation_aborted` (`stop`).
  ///
  /// Where the observer hears of leases that are out for long, a claim notes where it is made: `at`, which
  /// the compiler fills in. A function that claims for others may pass on a `std::source_location` of its
  /// caller.
  lease_type claim(site at = std::source_location::current()) { return claim(std::stop_token{}, at); }
  lease_type claim(deadline until, site at = std::source_location::current()) {
    return claim(until, std::stop_token{}, at);
  }
  lease_type claim(const std::stop_token& stop, site at = std::source_location::current()) {
    return take_or_wait(at, usual{}, stop);
  }
  lease_type claim(deadline until, const std::stop_token& stop, site at = std::source_location::current()) {
    return take_or_wait(at, until, stop);
  }

  lease_type claim(error_code& error, site at = std::source_location::current()) {
    return claim(std::stop_token{}, error, at);
  }
  lease_type claim(deadline until, error_code& error, site at = std::source_location::current()) {
    return claim(until, std::stop_token{}, error, at);
  }
  lease_type claim(const std::stop_token& stop, error_code& error,
                   site at = std::source_location::current()) {
    error = {};
    return take_or_wait(at, usual{}, stop, error);
  }

  lease_type claim(deadline until, const std::stop_token& stop, error_code& error,
                   site at = std::source_location::current()) {
    error = {};
    return take_or_wait(at, until, stop, error);
  }

  /// Does not throw because of a failure: returns an empty lease, and `report` says why. It also says for how
  /// long a claim waited that got one, and for what.
  lease_type claim(deadline until, claim_report& report, site at = std::source_location::current()) {
    return claim(until, std::stop_token{}, report, at);
  }
  lease_type claim(deadline until, const std::stop_token& stop, claim_report& report,
                   site at = std::source_location::current()) {
    report = {};
    return take_or_wait(at, until, stop, report);
  }

  /// Takes an idle connection, or returns an empty lease. Never waits, never overtakes who waits. It may miss
  /// a connection that another thread is giving back at this instant, or that is out of circulation for a
  /// moment (`slot_counts::checking`).
  lease_type try_claim(site at = std::source_location::current()) noexcept {
    if (auto* const slot = engine_->take()) [[likely]]
      return engine_->lease_of(*slot, at);
    return engine_->try_claim_slowly(at);
  }

  /// \param why `errc::none_idle`, `errc::all_dead`, `errc::no_backend` or `errc::stopped`
  lease_type try_claim(error_code& why, site at = std::source_location::current()) noexcept {
    why = {};
    if (auto* const slot = engine_->take()) [[likely]]
      return engine_->lease_of(*slot, at);
    return engine_->try_claim_slowly(why, at);
  }

  /// Completes with `void(error_code, lease<Connection>)`, through the handler's associated executor
  /// (default: the user's executor), never inside this call. Supports cancellation of all types:
  /// `operation_aborted`. If the handler is destroyed uncalled, the connection goes back.
  template <boost::asio::completion_token_for<void(error_code, lease_type)> Token>
  auto async_claim(Token&& token, site at = std::source_location::current()) {
    return async_claim(deadline{engine_->options().claim_timeout}, std::forward<Token>(token), at);
  }

  template <boost::asio::completion_token_for<void(error_code, lease_type)> Token>
  auto async_claim(deadline until, Token&& token, site at = std::source_location::current()) {
    return boost::asio::async_initiate<Token, void(error_code, lease_type)>(
        [at](auto&& handler, const auto& engine, deadline when) {
          engine->async_claim(when, std::forward<decltype(handler)>(handler), at);
        },
        token, engine_, until);
  }

  /// \param report is filled in before the handler is called; it has to stay until then.
  template <boost::asio::completion_token_for<void(error_code, lease_type)> Token>
  auto async_claim(deadline until, claim_report& report, Token&& token,
                   site at = std::source_location::current()) {
    return boost::asio::async_initiate<Token, void(error_code, lease_type)>(
        [at](auto&& handler, const auto& engine, deadline when, claim_report* into) {
          engine->async_claim(when, std::forward<decltype(handler)>(handler), at, into);
        },
        token, engine_, until, &report);
  }

  // Readiness.

  /// Waits until `count` connections are up (1 to `max_connections`), claimed ones among them. Throws
  /// `errc::wait_timeout`, `errc::stopped`, `errc::would_deadlock`, `errc::bad_argument`.
  void wait_ready(std::uint32_t count, deadline until) {
    error_code error;
    wait_ready(count, until, error);
    if (error) throw_not_ready(count, error);
  }

  void wait_ready(std::uint32_t count, deadline until, error_code& error) {
    if constexpr (may_block<threading>()) {
      engine_->wait_ready(count, until, error);
    }
  }

  /// Completes with `void(error_code)`, as `async_claim` does. The same errors, and `operation_aborted`.
  template <boost::asio::completion_token_for<void(error_code)> Token>
  auto async_wait_ready(std::uint32_t count, deadline until, Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code)>(
        [](auto&& handler, const auto& engine, std::uint32_t wanted, deadline when) {
          engine->async_wait_ready(wanted, when, std::forward<decltype(handler)>(handler));
        },
        token, engine_, count, until);
  }

  // The end.

  /// Fails every waiter with `errc::stopped`, cancels connects and the resolver, closes what is idle; what is
  /// claimed is closed when it is released. May be called more than once, from anywhere, also from hooks.
  void request_stop() noexcept { engine_->request_stop(); }

  /// `request_stop()`, then waits until the last connection is closed, or until `until` (default:
  /// `stop_timeout` from now). Returns the number of connections that are left. Throws `errc::would_deadlock`
  /// on the pool's own thread.
  std::size_t stop() { return stop(engine_ref().options().stop_timeout); }

  std::size_t stop(deadline until) {
    error_code error;
    const auto left = stop(until, error);
    if (error) throw std::system_error(error, "cueball: stop");
    return left;
  }

  std::size_t stop(deadline until, error_code& error) {
    if constexpr (may_block<threading>()) {
      error = {};
      return engine_->stop(until, error);
    } else {
      return 0;
    }
  }

  /// Completes with `void(error_code, std::size_t left)`, as `async_claim` does; when the pool is destroyed
  /// before the end, at once.
  template <boost::asio::completion_token_for<void(error_code, std::size_t)> Token>
  auto async_stop(deadline until, Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(
        [](auto&& handler, const auto& engine, deadline when) {
          engine->async_stop(when, std::forward<decltype(handler)>(handler));
        },
        token, engine_, until);
  }

  // Its connections.

  /// From now on there may be so many connections: 1 to the `max_connections` that the pool was made with (a
  /// pool that is to grow later is made with the greatest number, and told a smaller one at once). What is
  /// too much is closed when it is idle. Throws `errc::bad_argument`. May be called from anywhere, also from
  /// hooks.
  void set_max_connections(std::uint32_t most) {
    if (most < 1 || most > options().max_connections)
      throw_error(errc::bad_argument, "set_max_connections: " + std::to_string(most) + "; it must be 1 to " +
                                          std::to_string(options().max_connections) +
                                          ", which the pool was made with");
    engine_->set_most(most);
  }

  /// Nobody gets a connection again that was opened before this: what is idle is closed at once, what is
  /// claimed when it is released, and each is replaced. For when all of them have become useless or wrong
  /// without saying so: after a fail-over behind one address, or when passwords have changed. May be called
  /// from anywhere, also from hooks.
  void invalidate() { engine_->invalidate(); }

  /// The same, of the connections to one backend. False if the pool does not know it.
  bool invalidate(const backend& where) { return engine_->invalidate(where.key()); }

  // What it is doing.

  pool_state state() const { return engine_->state(); }

  /// All numbers are of one moment. Takes the lock for as long as it counts: some nanoseconds a connection.
  pool_stats stats() const { return engine_->stats(); }

  const pool_options& options() const noexcept { return engine_->options(); }

  /// Where connections are made and completions run.
  const boost::asio::any_io_executor& executor() const noexcept { return engine_->executor(); }

  /// The observer, which the pool owns.
  observer_type& observer() noexcept { return engine_->observer(); }

 private:
  using engine_type = detail::engine<Connection, Policies>;

  template <class Threading>
  static constexpr bool may_block() {
    static_assert(
        Threading::blocks,
        "cueball: this call would block, and this threading policy has no thread that may wait: use "
        "async_claim or try_claim (async_wait_ready, async_stop); see docs/policies.md");
    return Threading::blocks;
  }

  engine_type& engine_ref() const noexcept { return *engine_; }

  /// `claim_timeout` from now, which nobody needs to know who need not wait.
  struct usual {};

  /// The good case comes before all that only a wait needs.
  template <class Until, class... Error>
  lease_type take_or_wait(site at, Until until, const std::stop_token& stop, Error&... error) {
    if constexpr (may_block<threading>()) {
      if (auto* const slot = engine_->take()) [[likely]]
        return engine_->lease_of(*slot, at);
      return wait(at, until, stop, error...);
    } else {
      return {};
    }
  }

  template <class... Error>
  [[gnu::cold, gnu::noinline]] lease_type wait(site at, usual, const std::stop_token& stop, Error&... error) {
    return wait(at, deadline{engine_->options().claim_timeout}, stop, error...);
  }

  template <class... Error>
  [[gnu::cold, gnu::noinline]] lease_type wait(site at, deadline until, const std::stop_token& stop,
                                               Error&... error) {
    if constexpr (sizeof...(Error) == 0) {
      claim_report report;
      auto claimed = engine_->claim_slowly(until, stop, report, at);
      if (report.error) throw claim_error{std::move(report)};
      return claimed;
    } else {
      return engine_->claim_slowly(until, stop, error..., at);
    }
  }

  template <class... Arguments>
  void begin(Arguments&&... arguments) {
    detail::arguments<Connection, Policies>::take(
        [this](auto places, auto resolver, auto make, const pool_options& options, auto queue, auto rebalance,
               auto decoherence, auto observer) {
          check(options);
          if constexpr (!hears_overdue_leases<observer_type>)
            if (options.lease_limit != no_limit)
              detail::option_checks{"pool_options"}.out_of(
                  "lease_limit", detail::in_words(options.lease_limit),
                  "no_limit, since the pool's observer does not hear of it");
          check_values(queue, rebalance, decoherence);
          engine_ = std::make_shared<engine_type>(std::move(places), std::move(make), options, queue,
                                                  rebalance, decoherence, std::move(observer));
          engine_->start(std::move(resolver));
        },
        std::forward<Arguments>(arguments)...);
  }

  /// A policy that can have bad values has a `check()`, which throws.
  template <class... Values>
  static void check_values(const Values&... policies) {
    const auto check_one = [](const auto& policy) {
      if constexpr (requires { policy.check(); }) policy.check();
    };
    (check_one(policies), ...);
  }

  [[noreturn]] void throw_not_ready(std::uint32_t count, error_code error) const {
    if (error == errc::bad_argument)
      throw_error(errc::bad_argument, "wait_ready: " + std::to_string(count) +
                                          " connections; it must be 1 to " +
                                          std::to_string(options().max_connections) + " (max_connections)");
    throw std::system_error(error, "cueball: wait_ready; " + detail::summary(stats()));
  }

  std::shared_ptr<engine_type> engine_;
};

/// A pool of `Connection`s, composed from policies named in any order; the axes that are not named have their
/// default. The type is canonical: the order, or naming a default, does not change it.
template <class Connection, class... Policies>
using pool = basic_pool<Connection, make_policy_set<Policies...>>;

}  // namespace cueball
