// SPDX-License-Identifier: BSL-1.0
/// \file
/// A connection to a Redis server, as far as its inline commands go.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <cueball/backend.hpp>
#include <cueball/error.hpp>

namespace outage {

class redis_connection {
 public:
  using socket_type = boost::asio::ip::tcp::socket;

  redis_connection(const boost::asio::any_io_executor& executor, const cueball::backend& where)
      : socket_(executor), endpoint_(boost::asio::ip::make_address(where.address), where.port) {}

  template <class Token>
  auto async_connect(Token&& token) {
    return socket_.async_connect(endpoint_, std::forward<Token>(token));
  }

  template <class Token>
  auto async_wait_broken(Token&& token) {
    return socket_.async_wait(socket_type::wait_read, std::forward<Token>(token));
  }

  /// PING, and its answer. How long that may take is the pool's business.
  template <class Token>
  auto async_check(Token&& token) {
    return boost::asio::async_compose<Token, void(cueball::error_code)>(
        [this, answer = std::make_shared<std::string>(pong.size(), ' '), asked = false, read = false](
            auto& self, cueball::error_code error = {}, std::size_t = 0) mutable {
          if (error) return self.complete(error);
          auto& bytes = *answer;
          if (!std::exchange(asked, true))
            return boost::asio::async_write(socket_, boost::asio::buffer(ping), std::move(self));
          if (!std::exchange(read, true))
            return boost::asio::async_read(socket_, boost::asio::buffer(bytes), std::move(self));
          if (bytes != pong) error = boost::asio::error::invalid_argument;
          self.complete(error);
        },
        token, socket_);
  }

  void close() noexcept {
    cueball::error_code ignored;
    socket_.close(ignored);
  }

  bool is_open() const noexcept { return socket_.is_open(); }

  socket_type& socket() noexcept { return socket_; }

 private:
  static constexpr std::string_view ping = "PING\r\n", pong = "+PONG\r\n";

  socket_type socket_;
  boost::asio::ip::tcp::endpoint endpoint_;
};

}  // namespace outage
