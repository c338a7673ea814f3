// SPDX-License-Identifier: BSL-1.0
/// \file
/// The smallest honest pools that block: a mutex, a ring, and a condition variable for all or for each
/// waiter.
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <vector>

#include "../support/cycles.hpp"
#include "../support/waiting.hpp"
#include "ring.hpp"

namespace {

/// Who is woken competes with those that just come: no order among waiters.
class barging {
 public:
  barging(int, int size) : idle_(size) {}

  bench::held_entry<barging> claim(int) {
    std::unique_lock lock{mutex_};
    if (idle_.is_empty()) {
      ++waiters_;
      wake_.wait(lock, [this] { return !idle_.is_empty(); });
      --waiters_;
    }
    return {*this, idle_.pop()};
  }

  void release(bench::entry* what) {
    bool somebody_waits = false;
    {
      const std::scoped_lock lock{mutex_};
      idle_.push(what);
      somebody_waits = waiters_ > 0;
    }
    if (somebody_waits) wake_.notify_one();
  }

 private:
  alignas(64) std::mutex mutex_;
  bench::ring idle_;
  int waiters_ = 0;
  std::condition_variable wake_;
};

/// First come, first served: what is released goes to the first in line, who has a condition variable of its
/// own.
class strict_fifo {
 public:
  strict_fifo(int, int size) : idle_(size) {}

  bench::held_entry<strict_fifo> claim(int) {
    std::unique_lock lock{mutex_};
    if (!idle_.is_empty()) return {*this, idle_.pop()};
    waiter self;
    line_.push_back(&self);
    self.wake.wait(lock, [&] { return self.given != nullptr; });
    return {*this, self.given};
  }

  void release(bench::entry* what) {
    const std::scoped_lock lock{mutex_};
    if (line_.empty()) return idle_.push(what);
    auto& first = *line_.front();
    line_.pop_front();
    first.given = what;
    first.wake.notify_one();  // under the lock: the waiter may be gone after it
  }

 private:
  struct waiter {
    std::condition_variable wake;
    bench::entry* given = nullptr;
  };

  alignas(64) std::mutex mutex_;
  bench::ring idle_;
  std::deque<waiter*> line_;
};

/// Two connections and two threads: nobody ever waits.
class nobody_waits {
 public:
  nobody_waits(int threads, int) : entries_(static_cast<std::size_t>(threads)) {}
  bench::entry* claim(int thread) { return &entries_[static_cast<std::size_t>(thread)]; }

 private:
  std::vector<bench::entry> entries_;
};

[[maybe_unused]] const bool added =
    bench::add_cycles<barging>("mutex_ring_cv") && bench::add_fixed_cycles<barging>("mutex_ring_cv") &&
    bench::add_waiting<nobody_waits>("two_that_never_wait", 2) &&
    bench::add_waiting<strict_fifo>("strict_fifo") && bench::add_waiting<barging>("barging");

}  // namespace
