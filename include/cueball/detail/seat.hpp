// SPDX-License-Identifier: BSL-1.0
/// \file
/// How the pool makes a connection, and asks it how it is.
#pragma once

#include <functional>
#include <type_traits>
#include <utility>

#include <boost/asio/any_io_executor.hpp>

#include <cueball/backend.hpp>
#include <cueball/connection.hpp>

namespace cueball::detail {

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

template <class Connection>
bool is_permanent(const Connection& connection, const error_code& error) noexcept {
  if constexpr (discerning_connection<Connection>)
    return connection.is_permanent(error);
  else
    return false;
}

template <class Connection>
bool is_open(const Connection& connection) noexcept {
  if constexpr (self_aware_connection<Connection>)
    return connection.is_open();
  else
    return true;
}

}  // namespace cueball::detail
