// SPDX-License-Identifier: BSL-1.0
/// \file
/// A network between a client and a server, in a thread of the test, that breaks when it is told to.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

namespace support {

/// Listens on a free port of 127.0.0.1, and forwards what its clients and a server there send each other. It
/// begins by passing all. What it was told holds when the call returns. Any thread but its own.
class relay {
 public:
  /// \param server where it listens, or will
  explicit relay(std::uint16_t server)
      : server_(boost::asio::ip::address_v4::loopback(), server),
        acceptor_(context_, {boost::asio::ip::address_v4::loopback(), 0}),
        port_(acceptor_.local_endpoint().port()) {
    accept();
    thread_ = std::thread{[this] { context_.run(); }};
  }
  relay(const relay&) = delete;
  relay& operator=(const relay&) = delete;
  ~relay() {
    context_.stop();
    thread_.join();
  }

  std::uint16_t port() const noexcept { return port_; }
  std::string endpoint() const { return "127.0.0.1:" + std::to_string(port_); }

  /// All connections are reset, and each new one as soon as it is there. The port stays taken.
  void cut() {
    perform([this] {
      mode_ = mode::cutting;
      awaited_.clear();
      while (!links_.empty()) reset(*links_.begin());
    });
  }

  /// Connections stay, and new ones are accepted, but nothing gets through: no byte, no end.
  void hold() {
    perform([this] { mode_ = mode::holding; });
  }

  /// Begins to hold with the first thing a client sends from now on that has `text` in it.
  void hold_at(std::string text) {
    perform([&] { awaited_ = std::move(text); });
  }

  /// Goes on with all that was held.
  void pass() {
    perform([this] {
      mode_ = mode::passing;
      awaited_.clear();
      for (const auto& each : std::set{links_}) {
        if (!each->is_begun) reach(each);
        forward(each, each->up);
        forward(each, each->down);
      }
    });
  }

  /// Whether something is held that a client sent.
  bool holds_a_request() {
    bool holds = false;
    perform([&] {
      for (const auto& each : links_) holds = holds || (mode_ == mode::holding && each->up.is_full);
    });
    return holds;
  }

  /// Connections of clients: all so far, those that were cut off at once among them, and those that there
  /// are.
  int accepted() const noexcept { return accepted_; }
  int open() const noexcept { return open_; }

 private:
  using tcp = boost::asio::ip::tcp;
  using error_code = boost::system::error_code;

  enum class mode : std::uint8_t { passing, holding, cutting };

  /// One direction of a connection.
  struct way {
    tcp::socket &from, &to;
    std::array<char, 16384> bytes{};
    std::size_t size = 0;
    error_code end{};
    bool is_full = false;  ///< There are bytes, or the end, to be forwarded.
    bool is_over = false;
  };

  struct link {
    link(tcp::socket peer, boost::asio::io_context& context) : client(std::move(peer)), server(context) {}

    tcp::socket client, server;
    way up{client, server}, down{server, client};
    bool is_begun = false;
  };
  using link_ptr = std::shared_ptr<link>;

  template <class Action>
  void perform(const Action& action) {
    std::promise<void> done;
    boost::asio::post(context_, [&] {
      action();
      done.set_value();
    });
    done.get_future().wait();
  }

  void accept() {
    acceptor_.async_accept([this](error_code error, tcp::socket peer) {
      if (error) return;
      ++accepted_;
      const auto made = std::make_shared<link>(std::move(peer), context_);
      links_.insert(made);
      ++open_;
      if (mode_ == mode::cutting)
        reset(made);
      else if (mode_ == mode::passing)
        reach(made);
      accept();
    });
  }

  void reach(const link_ptr& one) {
    one->is_begun = true;
    one->server.async_connect(server_, [this, one](error_code error) {
      if (!links_.contains(one)) return;
      read(one, one->up);
      if (!error) return read(one, one->down);
      one->down.end = error;
      one->down.is_full = true;
      forward(one, one->down);
    });
  }

  void read(const link_ptr& one, way& which) {
    which.from.async_read_some(
        boost::asio::buffer(which.bytes), [this, one, &which](error_code error, std::size_t size) {
          if (!links_.contains(one)) return;
          which.size = size;
          which.end = error;
          which.is_full = true;
          if (&which == &one->up && !awaited_.empty() &&
              std::string_view{which.bytes.data(), size}.find(awaited_) != std::string_view::npos) {
            mode_ = mode::holding;
            awaited_.clear();
          }
          forward(one, which);
        });
  }

  void forward(const link_ptr& one, way& which) {
    if (mode_ != mode::passing || !which.is_full || !links_.contains(one)) return;
    which.is_full = false;
    if (which.end) return finish(one, which);
    boost::asio::async_write(which.to, boost::asio::buffer(which.bytes, which.size),
                             [this, one, &which](error_code error, std::size_t) {
                               if (!links_.contains(one)) return;
                               if (error) return reset(one);
                               read(one, which);
                             });
  }

  void finish(const link_ptr& one, way& which) {
    error_code error;
    if (which.end == boost::asio::error::eof) which.to.shutdown(tcp::socket::shutdown_send, error);
    if (which.end != boost::asio::error::eof || error) return reset(one);
    which.is_over = true;
    if (one->up.is_over && one->down.is_over) drop(one);
  }

  /// To both, the other one has not hung up but failed.
  void reset(link_ptr one) {
    error_code ignored;
    for (auto* const each : {&one->client, &one->server})
      if (each->is_open()) each->set_option(boost::asio::socket_base::linger{true, 0}, ignored);
    drop(std::move(one));
  }

  void drop(link_ptr one) {
    error_code ignored;
    one->client.close(ignored);
    one->server.close(ignored);
    links_.erase(one);
    --open_;
  }

  std::atomic<int> accepted_ = 0, open_ = 0;
  boost::asio::io_context context_;
  const tcp::endpoint server_;
  tcp::acceptor acceptor_;
  const std::uint16_t port_;
  mode mode_ = mode::passing;
  std::string awaited_;
  std::set<link_ptr> links_;
  std::thread thread_;
};

}  // namespace support
