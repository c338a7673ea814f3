// SPDX-License-Identifier: BSL-1.0
/// \file
/// What the shell keeps beside each slot: the connection, and how it is made, connected and closed.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <cueball/backend.hpp>
#include <cueball/connection.hpp>
#include <cueball/lease.hpp>

namespace cueball::detail {

/// The payload of a slot.
template <class Connection>
struct seat : lease_record {
  std::optional<Connection> connection;
  std::shared_ptr<boost::asio::cancellation_signal> connecting;  ///< Of the connect that is in flight.
  bool at_work = false;                                          ///< A worker thread is in its `connect`.
};

/// The user's way to make a connection, in one form.
template <class Connection>
using maker = std::function<Connection(const boost::asio::any_io_executor&, const backend&)>;

/// \pre `Make` models `connection_maker<Connection>`.
template <class Connection, class Make>
maker<Connection> maker_from(Make make) {
  if constexpr (std::is_invocable_r_v<Connection, Make&, const boost::asio::any_io_executor&, const backend&>)
    return maker<Connection>{std::move(make)};
  else
    return [make = std::move(make)](const boost::asio::any_io_executor&,
                                    const backend& where) mutable -> Connection { return make(where); };
}

/// \pre `Connection` models `makes_itself`.
template <class Connection>
maker<Connection> default_maker() {
  return [](const boost::asio::any_io_executor& executor, const backend& where) -> Connection {
    if constexpr (std::constructible_from<Connection, const boost::asio::any_io_executor&, const backend&>)
      return Connection(executor, where);
    else
      return Connection(where);
  };
}

/// Lets `optional::emplace` construct from what a function returns, without a move.
template <class Function>
struct result_of {
  Function function;
  operator std::invoke_result_t<Function&>() { return function(); }  // NOLINT: implicit by purpose
};

template <class Function>
result_of(Function) -> result_of<Function>;

template <class Connection>
bool is_open(const Connection& connection) noexcept {
  if constexpr (self_aware_connection<Connection>)
    return connection.is_open();
  else
    return true;
}

}  // namespace cueball::detail
