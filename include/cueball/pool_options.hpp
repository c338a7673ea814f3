// SPDX-License-Identifier: BSL-1.0
/// \file
/// Every number that a pool can be given, with its effect, default and legal range.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <cueball/detail/option_checks.hpp>
#include <cueball/time.hpp>

namespace cueball {

/// How many connects may be in flight at once: a pool never storms a backend that has just come back.
struct connecting_limits {
  /// To one backend. 1 to 10,000.
  std::uint32_t per_backend = 2;

  /// In the whole pool. 1 to 10,000.
  std::uint32_t per_pool = 8;
};

/// How an operation is tried again after it failed. Attempt n in a row may take `timeout * 2^(n-1)`, at most
/// `max_timeout`; after it the next one waits for `delay * 2^(n-1)`, at most `max_delay`, which is then
/// spread: multiplied by a random factor from `1 - spread` to `1 + spread`. (The schedule is that of
/// node-cueball.)
struct operation_recovery {
  /// So many attempts in a row may fail; then the backend is dead: its share goes to the others, and it is
  /// probed after each `max_delay` (spread), with the time-out of the last attempt, until it connects.
  /// 1 to 1,000,000.
  std::uint32_t retries = 5;

  /// An attempt that takes longer is abandoned; a blocking connect is told to end after seven eighths of
  /// this. 1 ms to 365 days.
  duration timeout = std::chrono::seconds{5};

  /// Not less than `timeout`, to 365 days.
  duration max_timeout = std::chrono::seconds{20};

  /// 1 ms to 365 days.
  duration delay = std::chrono::milliseconds{250};

  /// Not less than `delay`, to 365 days.
  duration max_delay = std::chrono::seconds{10};

  /// 0 to 1. Without spread, clients that lost a server together come back together.
  double spread = 0.2;
};

/// What to do after failures, by operation. Each backend is counted by itself.
struct recovery_options {
  /// Whatever has nothing of its own.
  operation_recovery usual{};

  /// Connecting to a backend. None: as `usual`.
  std::optional<operation_recovery> connect{};

  /// Connecting to a backend to which no connection has been made yet. None: as `connect`.
  std::optional<operation_recovery> initial{};

  /// Finding the backends: a resolver whose run ended is run again after these delays. Its `retries` and
  /// timeouts mean nothing to the pool. None: as `usual`.
  std::optional<operation_recovery> dns{};

  /// A connection that breaks, or is discarded, before it was released once, or was up this long, counts as a
  /// failed attempt. So a server that accepts and hangs up at once is not hammered. 1 ms to 365 days.
  duration stable_after = std::chrono::seconds{1};

  constexpr const operation_recovery& of_connect() const noexcept { return connect ? *connect : usual; }
  constexpr const operation_recovery& of_initial() const noexcept {
    return initial ? *initial : of_connect();
  }
  constexpr const operation_recovery& of_dns() const noexcept { return dns ? *dns : usual; }
};

/// What a pool does when its process forks.
enum class fork_policy : std::uint8_t {
  /// Nothing, and it costs nothing. For programs that do not fork, or whose children only start another one.
  ignore,

  /// The child is kept from the connections. In it, before `fork()` returns, the pool is over: claims and
  /// waits fail with `errc::forked`, leases and the pool end without a word to anybody, and nothing is closed
  /// or sent on what the parent has. The child makes a pool of its own, on a context of its own; what waits
  /// in the parent at that moment is answered there alone. Connections that have `abandon()` let go of their
  /// descriptors in the child; those of others stay open in it until it ends. The parent notices nothing, but
  /// that `fork()` waits for whoever is inside the pool. A pool that is `threading::single_threaded` is
  /// forked by the thread that uses it.
  abandon,
};

/// An aggregate: name what differs from the default, as in `{.max_connections = 12, .claim_timeout = 1s}`.
/// It is checked once, when the pool is made.
struct pool_options {
  /// The connections that the pool keeps, over all backends. 1 to 1,000,000.
  std::uint32_t max_connections = 10;

  /// How many connections are kept idle, beside those in use. The pool grows at once when claims wait, and
  /// within a fifth of a second when fewer are idle, to `max_connections` at the most. It shrinks slowly, as
  /// an average over about a second does (see `core::demand`). 1 to `max_connections`. None: all are kept, at
  /// all times.
  std::optional<std::uint32_t> spares{};

  /// Off: a connection that has to move is closed only when its replacement is connected, so that for a
  /// moment there may be more than `max_connections`. On: never more, not even closing ones; the pool closes
  /// first.
  bool strict_maximum = false;

  /// How long a claim without a deadline of its own waits. 1 ms to 365 days, or `no_limit`.
  duration claim_timeout = std::chrono::seconds{30};

  /// How many claims may wait at once. One more fails at once with `errc::too_many_waiters`: the newest is
  /// refused. 1 to 1,000,000,000. None: any number.
  std::optional<std::uint32_t> max_waiters{};

  /// When claims wait for longer than this for a while, some are shed (`errc::overloaded`), ever faster, so
  /// that the others are served in time: CoDel's control law with an interval of 100 ms. A claim that has
  /// waited for ten times as long (three times, while some are shed) is shed too. 1 ms to 365 days, or
  /// `no_limit`: nobody is shed.
  duration target_claim_delay = no_limit;

  /// On: when the resolver has found no backend, claims fail at once with `errc::no_backend`. Off: they wait
  /// for one.
  bool error_on_empty = false;

  /// A lease that is out for longer is reported, once, to an observer that hears `lease_overdue_event`; with
  /// another one there is nobody to tell, and anything but `no_limit` is refused. 1 ms to 365 days, or
  /// `no_limit`: nobody looks.
  duration lease_limit = no_limit;

  /// How long after the first news from the resolver the pool rebalances; news that come meanwhile are part
  /// of the same rebalance. 1 ms to 365 days.
  duration rebalance_delay = std::chrono::milliseconds{100};

  /// A connection that lies idle for this long is watched, so that the peer's close is noticed. Applies to
  /// connections that have `async_wait_broken`. 1 ms to 365 days, or `no_limit` for no watch.
  duration watch_delay = std::chrono::milliseconds{100};

  /// A connection that lies idle is checked at random times, not less often than this; when one is found
  /// broken, all that lie idle of its backend are checked at once. But for those, no more than an eighth of
  /// the idle ones is out to be checked at once, or one. Applies to connections that have `async_check` or
  /// `check`. 1 ms to 365 days, or `no_limit` for no such check.
  duration check_interval = std::chrono::seconds{30};

  /// A check, or a reset, that takes longer counts as failed: the connection is replaced. 1 ms to 365 days.
  duration check_timeout = std::chrono::seconds{5};

  /// A connection that has lain idle for this long (or an eighth longer) since its last check is checked
  /// before a claim gets it; if that fails the claim gets another one, until its own deadline. `try_claim`,
  /// which cannot wait, gets it unchecked. Applies to the same connections. 1 ms to 365 days, or `no_limit`.
  duration check_after = no_limit;

  /// A connection that nobody has claimed for this long (or an eighth longer) is replaced, as one that is
  /// past its lifetime: for servers and firewalls that drop what is idle. 1 ms to 365 days, or `no_limit`.
  duration max_idle = no_limit;

  /// Bounds on connects in flight.
  connecting_limits max_connecting{};

  /// How many connections to one backend may be opened and closed in a second, on average, so that it is not
  /// kept busy with that, whatever happens to the pool. Each is opened once and closed once: after
  /// `max_connecting.per_backend` at once, one is opened every `2 / max_churn_rate` seconds. Closing never
  /// waits; a backend that was removed and comes back begins anew. 1 to 1,000,000. None: any number.
  std::optional<std::uint32_t> max_churn_rate{};

  /// How long a connection is used. One that is older is replaced: while it lies idle, when its replacement
  /// is connected (with `strict_maximum`, before that); in use, when it is released. It may take a hundredth
  /// longer. 1 ms to 365 days, or `no_limit`.
  duration max_lifetime = no_limit;

  /// 0 to 1. Each connection has a lifetime of its own, between `max_lifetime * (1 - lifetime_spread)` and
  /// `max_lifetime`, so that those that were opened together are not replaced together.
  double lifetime_spread = 0.1;

  /// Timeouts and delays of connecting.
  recovery_options recovery{};

  /// How long `stop()` without a deadline waits for leases and closes. 1 ms to 365 days, or `no_limit`.
  duration stop_timeout = std::chrono::seconds{30};

  /// Whether children of this process are kept from the connections.
  fork_policy on_fork = fork_policy::ignore;

  /// Of the pool's randomness (spread delays, ties, shuffles). None: a fresh one from the operating system.
  std::optional<std::uint64_t> seed{};
};

namespace detail {

inline void check_recovery(const option_checks& checks, const std::string& name,
                           const operation_recovery& what) {
  const auto prefix = name + '.';
  checks.count(prefix + "retries", what.retries, 1'000'000);
  checks.range(prefix, "timeout", what.timeout, "max_timeout", what.max_timeout);
  checks.delays(what, prefix);
}

}  // namespace detail

/// Throws `std::system_error` (`errc::bad_option`) with the name and value of the first bad field.
inline void check(const pool_options& options) {
  const detail::option_checks checks{"pool_options"};
  const auto& recovery = options.recovery;
  checks.count("max_connections", options.max_connections, 1'000'000);
  if (options.spares) checks.count("spares", *options.spares, options.max_connections);
  checks.limit("claim_timeout", options.claim_timeout);
  if (options.max_waiters) checks.count("max_waiters", *options.max_waiters, 1'000'000'000);
  checks.limit("target_claim_delay", options.target_claim_delay);
  if (options.max_churn_rate) checks.count("max_churn_rate", *options.max_churn_rate, 1'000'000);
  checks.limit("lease_limit", options.lease_limit);
  checks.interval("rebalance_delay", options.rebalance_delay);
  checks.limit("watch_delay", options.watch_delay);
  checks.limit("check_interval", options.check_interval);
  checks.interval("check_timeout", options.check_timeout);
  checks.limit("check_after", options.check_after);
  checks.limit("max_idle", options.max_idle);
  checks.count("max_connecting.per_backend", options.max_connecting.per_backend, 10'000);
  checks.count("max_connecting.per_pool", options.max_connecting.per_pool, 10'000);
  checks.limit("max_lifetime", options.max_lifetime);
  checks.fraction("lifetime_spread", options.lifetime_spread);
  detail::check_recovery(checks, "recovery.usual", recovery.usual);
  if (recovery.connect) detail::check_recovery(checks, "recovery.connect", *recovery.connect);
  if (recovery.initial) detail::check_recovery(checks, "recovery.initial", *recovery.initial);
  if (recovery.dns) detail::check_recovery(checks, "recovery.dns", *recovery.dns);
  checks.interval("recovery.stable_after", recovery.stable_after);
  checks.limit("stop_timeout", options.stop_timeout);
}

}  // namespace cueball
