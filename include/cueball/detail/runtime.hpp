// SPDX-License-Identifier: BSL-1.0
/// \file
/// A context with a thread of its own, for a pool that was given no executor.
#pragma once

#include <memory>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

namespace cueball::detail {

/// Shared by the pool and its thread, and by the leases that outlive the pool.
class runtime : public std::enable_shared_from_this<runtime> {
 public:
  boost::asio::io_context& context() noexcept { return context_; }

  void start() {
    thread_ = std::thread{[self = shared_from_this()] { self->context_.run(); }};
    thread_id_ = thread_.get_id();
  }

  bool is_this_thread() const noexcept { return std::this_thread::get_id() == thread_id_; }

  /// Lets the thread do what is ready, what that causes, and what that causes; then ends it. Waits for that,
  /// except on the thread itself. `keep` is kept until then.
  void finish(const std::shared_ptr<void>& keep) {
    if (!thread_.joinable()) return;
    boost::asio::post(context_, [this, keep] {
      boost::asio::post(context_,
                        [this, keep] { boost::asio::post(context_, [this, keep] { context_.stop(); }); });
    });
    if (is_this_thread())
      thread_.detach();
    else
      thread_.join();
  }

 private:
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{context_.get_executor()};
  std::thread thread_;
  std::thread::id thread_id_;
};

}  // namespace cueball::detail
