// SPDX-License-Identifier: BSL-1.0
/// \file
/// Sockets that no other program gets.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include <boost/system/system_category.hpp>

#include <cueball/error.hpp>

namespace cueball::detail {

/// In place of Asio's own `open`, which would let every program that is started meanwhile inherit the socket.
/// That would keep the connection open, and the reactor would hear of it after the close, and take it for
/// news of the next socket in its place. A socket that is assigned is taken from the reactor before it is
/// closed.
/// \param socket Asio's, not open
template <class Socket>
error_code open_socket(Socket& socket, const typename Socket::protocol_type& protocol) {
  const int made = ::socket(protocol.family(), protocol.type() | SOCK_CLOEXEC, protocol.protocol());
  if (made < 0) return {errno, boost::system::system_category()};
  error_code error;
  socket.assign(protocol, made, error);
  if (error) ::close(made);
  return error;
}

}  // namespace cueball::detail
