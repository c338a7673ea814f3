// SPDX-License-Identifier: BSL-1.0
/// \file
/// The users of the pool: threads that claim, ask, and release, as fast as they are answered.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "composition.hpp"
#include "tally.hpp"

namespace demo {

class load {
 public:
  explicit load(demo_pool& pool) : pool_(pool) {}
  ~load() { stop(); }
  load(const load&) = delete;
  load& operator=(const load&) = delete;

  void start(unsigned threads);

  /// What happened since the last call.
  tally take();

  /// Claims that begin from now on must not give a connection to this port.
  void bar(std::uint16_t port) noexcept { barred_ = port; }

  /// Returns when the last lease was released.
  void stop();

 private:
  /// Each thread counts for itself, under a lock that only `take` contends.
  struct counter {
    std::mutex mutex;
    tally since;
  };

  void work(counter& self, const std::stop_token& stop, unsigned number);

  demo_pool& pool_;
  std::atomic<std::uint16_t> barred_ = 0;
  std::vector<std::unique_ptr<counter>> counters_;
  std::vector<std::jthread> threads_;
};

}  // namespace demo
