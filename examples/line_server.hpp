// SPDX-License-Identifier: BSL-1.0
/// \file
/// A small real server, so that an example needs none that runs elsewhere: it answers each line with a line.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

namespace examples {

/// On the loopback interface, on a port that the system chooses, in a thread of its own.
class line_server {
 public:
  /// What a line is answered with. `memory` is the connection's own; empty when it begins.
  using answer_function = std::function<std::string(std::string& memory, const std::string& line)>;

  /// Echoes.
  line_server() : line_server([](std::string&, const std::string& line) { return line; }) {}

  explicit line_server(answer_function answer) : answer_(std::move(answer)) {
    accept();
    thread_ = std::thread{[this] { context_.run(); }};
  }

  ~line_server() {
    context_.stop();
    thread_.join();
  }

  line_server(const line_server&) = delete;
  line_server& operator=(const line_server&) = delete;

  std::uint16_t port() const noexcept { return port_; }

 private:
  using tcp = boost::asio::ip::tcp;

  struct session {
    tcp::socket peer;
    std::string received{};
    std::string answer{};
    std::string memory{};
  };

  void accept() {
    acceptor_.async_accept([this](auto error, tcp::socket peer) {
      if (error) return;
      serve(std::make_shared<session>(session{std::move(peer)}));
      accept();
    });
  }

  void serve(std::shared_ptr<session> one) {
    auto& [peer, received, answer, memory] = *one;
    boost::asio::async_read_until(
        peer, boost::asio::dynamic_buffer(received), '\n', [this, one](auto error, std::size_t size) {
          if (error) return;
          one->answer = answer_(one->memory, one->received.substr(0, size - 1)) + '\n';
          one->received.erase(0, size);
          reply(one);
        });
  }

  void reply(std::shared_ptr<session> one) {
    boost::asio::async_write(one->peer, boost::asio::buffer(one->answer),
                             [this, one](auto error, std::size_t) {
                               if (!error) serve(one);
                             });
  }

  answer_function answer_;
  boost::asio::io_context context_;
  tcp::acceptor acceptor_{context_, {boost::asio::ip::address_v4::loopback(), 0}};
  std::uint16_t port_ = acceptor_.local_endpoint().port();
  std::thread thread_;
};

}  // namespace examples
