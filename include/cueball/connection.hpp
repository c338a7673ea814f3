// SPDX-License-Identifier: BSL-1.0
/// \file
/// What can be pooled: the two kinds of connections, as concepts.
///
/// The pool calls `async_connect`, `async_wait_broken`, `async_check`, `async_reset` and `close` on its
/// serial executor (blocking connections: on worker threads), one call at a time for each connection. At the
/// end of a pool its destructor closes what is idle where it runs, and a lease that outlives the pool where
/// it is released. See docs/policies.md for what each expression means.
#pragma once

#include <concepts>
#include <type_traits>

#include <boost/asio/any_io_executor.hpp>

#include <cueball/backend.hpp>
#include <cueball/error.hpp>
#include <cueball/time.hpp>

namespace cueball {

namespace archetype {

/// The poorest completion token: a handler that can only be moved and called. It has the executor that the
/// pool's own handlers have, so that checking a concept instantiates nothing that is not needed anyway.
struct handler {
  using executor_type = boost::asio::any_io_executor;
  executor_type get_executor() const noexcept { return {}; }

  handler(handler&&) noexcept = default;
  void operator()(error_code) {}
};

}  // namespace archetype

/// Connects in the background. Optional: `async_wait_broken(token)`, `async_check(token)`,
/// `async_reset(token)`, `is_open()`, `is_permanent(error)`, `abandon()`.
template <class Connection>
concept async_connection = requires(Connection& connection, archetype::handler handler) {
  // Completes with void(error_code). May be cancelled, and closed while it runs.
  connection.async_connect(static_cast<archetype::handler&&>(handler));
  // At once; may be called more than once, and while an operation is pending.
  { connection.close() } noexcept;
};

/// Connects by waiting, on a worker thread of the pool. Optional: `check(deadline)`, `reset(deadline)`,
/// `is_open()`, `is_permanent(error)`, `abandon()`.
template <class Connection>
concept blocking_connection = requires(Connection& connection, time_point deadline) {
  // Throws if it could not connect, and no later than at the deadline.
  connection.connect(deadline);
  { connection.close() } noexcept;
};

/// Can tell that it broke while it lies idle: `async_wait_broken(token)` completes, with void(error_code),
/// when the connection is no longer fit for use; bytes that nobody asked for make it unfit too. The pool
/// waits once more before it believes that, and for as long as it is so, such a wait has to complete. It may
/// still be pending while a lease uses the connection and when the connection is closed or destroyed, so it
/// must not touch the connection after it was started (a wait on a socket does not).
template <class Connection>
concept watched_connection =
    async_connection<Connection> && requires(Connection& connection, archetype::handler handler) {
      connection.async_wait_broken(static_cast<archetype::handler&&>(handler));
    };

/// Can tell that it broke while it is in use, as a session does that reads its socket by itself:
/// `async_wait_ended(token)` completes, with void(error_code), when the connection is no longer fit for use,
/// whoever uses it. For a `connection_set`, which calls it once, when the connection is up. It may still be
/// pending when the connection is closed or destroyed, so it must not touch it after it was started.
template <class Connection>
concept ending_connection =
    async_connection<Connection> && requires(Connection& connection, archetype::handler handler) {
      connection.async_wait_ended(static_cast<archetype::handler&&>(handler));
    };

/// Can be asked whether it is well, by a question to its peer that changes nothing: `async_check(token)`
/// completes with void(error_code); `check(deadline)` throws if it is not, and no later than at the deadline.
/// Only while nobody has a lease on it. As a connect it may be cancelled, and closed while it runs.
template <class Connection>
concept checked_connection =
    (async_connection<Connection> && requires(Connection& connection, archetype::handler handler) {
      connection.async_check(static_cast<archetype::handler&&>(handler));
    }) || (blocking_connection<Connection> && requires(Connection& connection, time_point deadline) {
      connection.check(deadline);
    });

/// Can be made as new: `async_reset(token)` or `reset(deadline)`, in the same forms. It is called after each
/// lease that kept the connection, before anybody else gets it; if it fails, the connection is replaced.
template <class Connection>
concept resettable_connection =
    (async_connection<Connection> && requires(Connection& connection, archetype::handler handler) {
      connection.async_reset(static_cast<archetype::handler&&>(handler));
    }) || (blocking_connection<Connection> && requires(Connection& connection, time_point deadline) {
      connection.reset(deadline);
    });

/// Knows whether it is still of use. Called when the connection is released, on the caller's thread: a flag,
/// no system call.
template <class Connection>
concept self_aware_connection = requires(const Connection& connection) {
  { connection.is_open() } noexcept -> std::convertible_to<bool>;
};

/// Can be given up in a forked child without touching what the parent has: closes its descriptor, or lets it
/// lead to nowhere (`seal_descriptor`), and does nothing that may not be done in a signal handler. With
/// `fork_policy::abandon`; never called but in a child, once, and neither is anything else after it.
template <class Connection>
concept abandonable_connection = requires(Connection& connection) {
  { connection.abandon() } noexcept;
};

/// Knows which errors of its connect trying again soon does not mend, as a wrong password. Called on the
/// pool's serial executor after each connect that failed or was cancelled, also with errors of the pool's
/// own.
template <class Connection>
concept discerning_connection = requires(const Connection& connection, const error_code& error) {
  { connection.is_permanent(error) } noexcept -> std::convertible_to<bool>;
};

template <class Connection>
concept poolable_connection = async_connection<Connection> || blocking_connection<Connection>;

/// Needs no `make` function.
template <class Connection>
concept makes_itself =
    std::constructible_from<Connection, const boost::asio::any_io_executor&, const backend&> ||
    std::constructible_from<Connection, const backend&>;

/// A function that makes an unconnected connection to a backend. It does no I/O.
template <class Make, class Connection>
concept connection_maker =
    std::is_invocable_r_v<Connection, Make&, const boost::asio::any_io_executor&, const backend&> ||
    std::is_invocable_r_v<Connection, Make&, const backend&>;

}  // namespace cueball
