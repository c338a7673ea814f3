// SPDX-License-Identifier: BSL-1.0
/// \file
/// A real server on loopback, in a thread of the test: it echoes.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <cueball/backend.hpp>
#include <cueball/tcp_connection.hpp>

namespace support {

/// \tparam Protocol `asio::ip::tcp` or `asio::local::stream_protocol`
template <class Protocol>
class basic_echo_server {
 public:
  explicit basic_echo_server(const typename Protocol::endpoint& where) : acceptor_(context_, where) {
    accept();
    thread_ = std::thread{[this] { context_.run(); }};
  }

  ~basic_echo_server() {
    context_.stop();
    thread_.join();
  }

  auto endpoint() const { return acceptor_.local_endpoint(); }

  int accepted() const noexcept { return accepted_; }
  int open() const noexcept { return open_; }

  /// Closes every connection that there is.
  void hang_up() {
    boost::asio::post(context_, [this] {
      for (const auto& weak : sessions_)
        if (const auto each = weak.lock()) each->socket.close();
    });
  }

  /// Sends something that nobody asked for on every connection.
  void babble() {
    boost::asio::post(context_, [this] {
      for (const auto& weak : sessions_)
        if (const auto each = weak.lock()) {
          boost::system::error_code ignored;
          boost::asio::write(each->socket, boost::asio::buffer("!", 1), ignored);
        }
    });
  }

 private:
  struct session : std::enable_shared_from_this<session> {
    session(typename Protocol::socket peer, std::atomic<int>& open) : socket(std::move(peer)), count(open) {
      ++count;
    }
    ~session() { --count; }

    void read() {
      socket.async_read_some(boost::asio::buffer(bytes),
                             [self = this->shared_from_this()](auto error, auto size) {
                               if (!error) self->answer(size);
                             });
    }

    void answer(std::size_t size) {
      boost::asio::async_write(socket, boost::asio::buffer(bytes, size),
                               [self = this->shared_from_this()](auto error, auto) {
                                 if (!error) self->read();
                               });
    }

    typename Protocol::socket socket;
    std::atomic<int>& count;
    char bytes[1024];
  };

  void accept() {
    acceptor_.async_accept([this](auto error, auto peer) {
      if (error) return;
      ++accepted_;
      auto made = std::make_shared<session>(std::move(peer), open_);
      sessions_.push_back(made);
      made->read();
      accept();
    });
  }

  std::atomic<int> accepted_ = 0, open_ = 0;
  boost::asio::io_context context_;
  typename Protocol::acceptor acceptor_;
  std::vector<std::weak_ptr<session>> sessions_;
  std::thread thread_;
};

/// On a port that the system chooses.
class echo_server : public basic_echo_server<boost::asio::ip::tcp> {
 public:
  echo_server() : echo_server(0) {}
  explicit echo_server(std::uint16_t port)
      : basic_echo_server({boost::asio::ip::make_address("127.0.0.1"), port}) {}

  std::uint16_t port() const { return endpoint().port(); }
};

inline cueball::backend at(const echo_server& server) {
  return {"127.0.0.1", server.port()};
}

/// What comes back when `text` is sent.
inline std::string echo(cueball::tcp_connection& connection, const std::string& text) {
  boost::asio::write(connection.socket(), boost::asio::buffer(text));
  std::string answer(text.size(), '?');
  boost::asio::read(connection.socket(), boost::asio::buffer(answer));
  return answer;
}

}  // namespace support
