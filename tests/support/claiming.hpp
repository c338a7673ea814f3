// SPDX-License-Identifier: BSL-1.0
/// \file
/// Claims that go on while a test does something to the world.
#pragma once

#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>
#include <string>
#include <thread>

#include <support/echo_server.hpp>

namespace support {

/// From a pool of `tcp_connection`s to echo servers, in a thread of its own, one after the other: each is
/// used.
template <class Pool>
class claiming {
 public:
  /// Waits for the first one.
  explicit claiming(Pool& pool) : pool_(pool) {
    thread_ = std::thread{[this] {
      while (!is_over_) claim();
    }};
    count_.wait(0);
  }
  claiming(const claiming&) = delete;
  claiming& operator=(const claiming&) = delete;
  ~claiming() { stop(); }

  void stop() {
    is_over_ = true;
    if (thread_.joinable()) thread_.join();
  }

  /// All so far.
  int count() const noexcept { return count_; }

  /// What was wrong with each that failed, a line each.
  std::string failures() const {
    const std::scoped_lock lock{mutex_};
    return failures_;
  }

 private:
  void claim() {
    std::string problem;
    try {
      auto lease = pool_.claim(std::chrono::seconds{5});
      if (echo(*lease, "hello") != "hello") problem = "a wrong answer";
    } catch (const std::exception& thrown) {
      problem = thrown.what();
    }
    if (!problem.empty()) {
      const std::scoped_lock lock{mutex_};
      failures_ += problem + '\n';
    }
    ++count_;
    count_.notify_all();
  }

  Pool& pool_;
  std::atomic<bool> is_over_ = false;
  std::atomic<int> count_ = 0;
  mutable std::mutex mutex_;
  std::string failures_;
  std::thread thread_;
};

}  // namespace support
