// SPDX-License-Identifier: BSL-1.0
/// \file
/// A connection that does what the test says, for what no real server does on demand.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <cueball/backend.hpp>
#include <cueball/error.hpp>
#include <cueball/static_resolver.hpp>

namespace support {

/// What backends do, by port, and what was done to them. Any thread.
class script {
 public:
  enum class mode { accept, refuse, hang, throws, dead_on_arrival };

  mode of(std::uint16_t port) {
    const std::scoped_lock lock{mutex_};
    return modes_[port];
  }

  void set(std::uint16_t port, mode what) {
    const std::scoped_lock lock{mutex_};
    modes_[port] = what;
  }

  std::atomic<int> made = 0, attempts = 0, connected = 0, closed = 0, alive = 0;

 private:
  std::mutex mutex_;
  std::map<std::uint16_t, mode> modes_;
};

/// Move-only, and not default-constructible.
class scripted_connection {
 public:
  scripted_connection(boost::asio::any_io_executor executor, const cueball::backend& where,
                      std::shared_ptr<script> plan)
      : executor_(std::move(executor)), where_(where), plan_(std::move(plan)) {
    ++plan_->made;
    ++plan_->alive;
  }

  scripted_connection(scripted_connection&& other) noexcept
      : executor_(other.executor_),
        where_(other.where_),
        plan_(std::exchange(other.plan_, nullptr)),
        open_(std::exchange(other.open_, false)) {}

  ~scripted_connection() {
    if (plan_) --plan_->alive;
  }

  template <class Token>
  auto async_connect(Token&& token) {
    ++plan_->attempts;
    const auto mode = plan_->of(where_.port);
    if (mode == script::mode::throws) throw std::runtime_error("the script says no");
    return boost::asio::async_initiate<Token, void(cueball::error_code)>(
        [this, mode](auto handler) {
          if (mode == script::mode::hang) return cueball::detail::async_wait_cancelled(std::move(handler));
          open_ = mode == script::mode::accept;
          if (open_) ++plan_->connected;
          const cueball::error_code error = mode == script::mode::refuse
                                                ? cueball::error_code{boost::asio::error::connection_refused}
                                                : cueball::error_code{};
          boost::asio::post(executor_, boost::asio::append(std::move(handler), error));
        },
        token);
  }

  void close() noexcept {
    if (std::exchange(open_, false)) ++plan_->closed;
  }

  bool is_open() const noexcept { return open_; }

  const cueball::backend& where() const noexcept { return where_; }

  /// As a user sees a connection that failed him.
  void break_it() noexcept { close(); }

 private:
  boost::asio::any_io_executor executor_;
  cueball::backend where_;
  std::shared_ptr<script> plan_;
  bool open_ = false;
};

/// The make function of a pool that follows `plan`.
inline auto follow(std::shared_ptr<script> plan) {
  return [plan](const boost::asio::any_io_executor& executor, const cueball::backend& where) {
    return scripted_connection{executor, where, plan};
  };
}

inline cueball::backend at(std::uint16_t port) {
  return {"127.0.0.1", port};
}

}  // namespace support
