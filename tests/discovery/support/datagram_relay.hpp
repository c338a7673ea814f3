// SPDX-License-Identifier: BSL-1.0
/// \file
/// Before a real nameserver: tells when it was asked.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>

namespace support {

/// Passes on what comes for a port of loopback, and the answer to it; in a thread of the test.
class datagram_relay {
 public:
  explicit datagram_relay(std::uint16_t server) : server_(loopback(), server) {
    receive();
    thread_ = std::thread{[this] { context_.run(); }};
  }

  ~datagram_relay() {
    context_.stop();
    thread_.join();
  }

  std::string address() const { return "127.0.0.1:" + std::to_string(socket_.local_endpoint().port()); }

  /// When each datagram came.
  std::vector<std::chrono::steady_clock::time_point> times() const {
    const std::scoped_lock lock{mutex_};
    return times_;
  }

 private:
  using udp = boost::asio::ip::udp;

  struct exchange {
    explicit exchange(boost::asio::io_context& context) : socket(context, udp::v4()) {}
    udp::socket socket;
    udp::endpoint asker;
    std::uint8_t bytes[4096];
  };

  static boost::asio::ip::address loopback() { return boost::asio::ip::make_address("127.0.0.1"); }

  void receive() {
    auto one = std::make_shared<exchange>(context_);
    socket_.async_receive_from(boost::asio::buffer(one->bytes), one->asker,
                               [this, one](auto error, std::size_t size) {
                                 if (error) return;
                                 pass_on(one, size);
                                 receive();
                               });
  }

  void pass_on(const std::shared_ptr<exchange>& one, std::size_t size) {
    {
      const std::scoped_lock lock{mutex_};
      times_.push_back(std::chrono::steady_clock::now());
    }
    boost::system::error_code ignored;
    one->socket.connect(server_, ignored);
    one->socket.send(boost::asio::buffer(one->bytes, size), 0, ignored);
    one->socket.async_receive(boost::asio::buffer(one->bytes), [this, one](auto error, std::size_t answer) {
      boost::system::error_code lost;
      if (!error) socket_.send_to(boost::asio::buffer(one->bytes, answer), one->asker, 0, lost);
    });
  }

  boost::asio::io_context context_;
  udp::endpoint server_;
  udp::socket socket_{context_, udp::endpoint{loopback(), 0}};
  mutable std::mutex mutex_;
  std::vector<std::chrono::steady_clock::time_point> times_;
  std::thread thread_;
};

}  // namespace support
