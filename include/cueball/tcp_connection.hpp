// SPDX-License-Identifier: BSL-1.0
/// \file
/// tcp_connection: a stream socket to a backend, over TCP or a Unix socket.
#pragma once

#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>

#include <cueball/backend.hpp>
#include <cueball/detail/open_socket.hpp>
#include <cueball/error.hpp>
#include <cueball/seal_descriptor.hpp>

namespace cueball {

/// Options of the socket of a `tcp_connection`; they do not concern Unix sockets.
struct tcp_options {
  /// TCP_NODELAY: small requests are sent at once.
  bool no_delay = true;

  /// SO_KEEPALIVE: the system finds out, in its own time, when the peer has vanished silently.
  bool keep_alive = true;
};

/// What a lease of it is for: `asio::write(lease->socket(), ...)`, and all else that Asio does with a stream
/// socket. The pool bounds the time of connecting (`recovery.connect.timeout`) and notices when the peer
/// closes it while it lies idle (`watch_delay`). When a read or write fails, `discard()` the lease, or close
/// the socket.
class tcp_connection {
 public:
  using socket_type = boost::asio::generic::stream_protocol::socket;

  tcp_connection(const boost::asio::any_io_executor& executor, const backend& where, tcp_options options = {})
      : socket_(executor), endpoint_(endpoint_of(where)), options_(options), is_unix_(where.is_unix()) {}

  /// Completes with void(error_code).
  template <class Token>
  auto async_connect(Token&& token) {
    return boost::asio::async_compose<Token, void(error_code)>(
        [this, started = false](auto& self, error_code error = {}) mutable {
          if (!std::exchange(started, true)) {
            if (const auto refused = detail::open_socket(socket_, endpoint_.protocol()))
              return boost::asio::post(boost::asio::append(std::move(self), refused));
            return socket_.async_connect(endpoint_, std::move(self));
          }
          if (!error && !is_unix_) error = set_options();
          self.complete(error);
        },
        token, socket_);
  }

  /// Completes when the peer closed the connection, or sent something that nobody asked for.
  template <class Token>
  auto async_wait_broken(Token&& token) {
    return socket_.async_wait(socket_type::wait_read, std::forward<Token>(token));
  }

  void close() noexcept {
    error_code ignored;
    socket_.shutdown(socket_type::shutdown_both, ignored);
    socket_.close(ignored);
  }

  bool is_open() const noexcept { return socket_.is_open(); }

  /// In a forked child: the parent keeps the socket, and its reactor.
  void abandon() noexcept {
    if (socket_.is_open()) seal_descriptor(socket_.native_handle());
  }

  socket_type& socket() noexcept { return socket_; }

 private:
  using endpoint_type = boost::asio::generic::stream_protocol::endpoint;

  static endpoint_type endpoint_of(const backend& where) {
    if (where.is_unix()) return boost::asio::local::stream_protocol::endpoint{where.address};
    return boost::asio::ip::tcp::endpoint{boost::asio::ip::make_address(where.address), where.port};
  }

  error_code set_options() {
    error_code error;
    socket_.set_option(boost::asio::ip::tcp::no_delay{options_.no_delay}, error);
    if (!error) socket_.set_option(boost::asio::socket_base::keep_alive{options_.keep_alive}, error);
    return error;
  }

  socket_type socket_;
  endpoint_type endpoint_;
  tcp_options options_;
  bool is_unix_;
};

}  // namespace cueball
