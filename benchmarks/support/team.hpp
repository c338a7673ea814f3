// SPDX-License-Identifier: BSL-1.0
/// \file
/// Threads that do the same for a while, and what they got done.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <vector>

namespace bench {

enum class phase : std::uint8_t { warming_up, measuring, over };

/// One thread of a team, as its work sees it. On a cache line of its own.
class alignas(64) worker {
 public:
  bool goes_on() const noexcept { return now_->load(std::memory_order_relaxed) != phase::over; }
  bool is_measured() const noexcept { return now_->load(std::memory_order_relaxed) == phase::measuring; }

  /// `count` more cycles are done. One thread at a time.
  void did(std::uint64_t count) noexcept {
    count_.store(count_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }

  std::uint64_t count() const noexcept { return count_.load(std::memory_order_relaxed); }

  void watch(const std::atomic<phase>& now) noexcept { now_ = &now; }

 private:
  std::atomic<std::uint64_t> count_{0};
  const std::atomic<phase>* now_ = nullptr;
};

/// What a team did between two moments at which its counts were read.
struct sample {
  double seconds = 0;
  std::vector<std::uint64_t> cycles{};  ///< By thread.
  double foreign_share = 0;             ///< See cpu_watch.

  double total() const;
  double seconds_per_cycle() const { return seconds / total(); }

  /// The most that a thread did, divided by the least.
  double unfairness() const;
};

/// Runs `work` on so many threads, which go on until `goes_on()` is false, and measures them for so long,
/// after a moment of warming up. Timers of these threads are exact (the system would round sleeps by 50 us).
sample measure(int threads, std::chrono::milliseconds length,
               const std::function<void(worker& self, int thread)>& work);

}  // namespace bench
