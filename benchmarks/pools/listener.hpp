// SPDX-License-Identifier: BSL-1.0
/// \file
/// Servers on the loopback that accept connections and say nothing.
#pragma once

#include <list>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cueball/backend.hpp>

namespace bench {

class listeners {
 public:
  explicit listeners(int count) {
    using tcp = boost::asio::ip::tcp;
    for (int i = 0; i < count; ++i)
      accept(acceptors_.emplace_back(context_, tcp::endpoint{boost::asio::ip::address_v4::loopback(), 0}));
  }

  ~listeners() { context_.stop(); }
  listeners(const listeners&) = delete;
  listeners& operator=(const listeners&) = delete;

  std::vector<cueball::backend> backends() const {
    std::vector<cueball::backend> all;
    for (const auto& one : acceptors_) all.push_back({"127.0.0.1", one.local_endpoint().port()});
    return all;
  }

 private:
  void accept(boost::asio::ip::tcp::acceptor& one) {
    one.async_accept([&](boost::system::error_code error, boost::asio::ip::tcp::socket socket) {
      if (error) return;
      accepted_.push_back(std::move(socket));
      accept(one);
    });
  }

  boost::asio::io_context context_{1};
  std::list<boost::asio::ip::tcp::acceptor> acceptors_;
  std::list<boost::asio::ip::tcp::socket> accepted_;
  std::jthread thread_{[this] { context_.run(); }};
};

}  // namespace bench
