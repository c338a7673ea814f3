// SPDX-License-Identifier: BSL-1.0
/// \file
/// Faults that the explorer has to find.
#include <cstdio>
#include <deque>
#include <optional>

#include "explorer/world.hpp"
#include "support/catch.hpp"

using namespace explorer;

namespace {

/// Explores until the fault is found, and says how long that took.
std::string fault_in(const char* name, std::function<void()> body) {
  const auto all = scheduler::get().explore(name, std::move(body));
  std::fprintf(stderr, "%-52s found in interleaving %llu\n", name,
               static_cast<unsigned long long>(all.interleavings));
  return all.failure;
}

/// In the shape of the asynchronous pool of elsid/resource_pool: who waits, and what is idle, are each looked
/// after under a lock of its own.
class two_locks {
 public:
  void claim(parker& who) {
    {
      const std::scoped_lock lock{idle_mutex_};
      if (idle_ > 0) {
        --idle_;
        return who.unpark();
      }
    }
    const std::scoped_lock lock{waiters_mutex_};  // by now something may lie idle
    waiters_.push_back(&who);
  }

  void release() {
    {
      const std::scoped_lock lock{waiters_mutex_};
      if (!waiters_.empty()) {
        waiters_.front()->unpark();
        return waiters_.pop_front();
      }
    }
    const std::scoped_lock lock{idle_mutex_};  // by now somebody may wait
    ++idle_;
  }

 private:
  mutex idle_mutex_;
  int idle_ = 0;
  mutex waiters_mutex_;
  std::deque<parker*> waiters_;
};

/// Looks whether it was unparked, and then waits, without having held the lock in between.
class forgetful_parker {
 public:
  bool park_until(time_point deadline) {
    if (is_unparked()) return true;
    std::unique_lock lock{mutex_};
    return wake_.wait_until(lock, deadline);
  }

  void unpark() noexcept {
    const std::scoped_lock lock{mutex_};
    unparked_ = true;
    wake_.notify_all();
  }

 private:
  bool is_unparked() {
    const std::scoped_lock lock{mutex_};
    return unparked_;
  }

  mutex mutex_;
  condition wake_;
  bool unparked_ = false;
};

}  // namespace

TEST_CASE("a waiter that registers beside a release under another lock is seen to be lost") {
  const auto fault = fault_in("claim || release, two locks", [] {
    two_locks pool;
    scheduler::get().go({{"claimer",
                          [&] {
                            parker self;
                            pool.claim(self);
                            self.park_until(never_comes);
                          }},
                         {"releaser", [&] { pool.release(); }}});
  });
  CHECK_THAT(fault, ct::ContainsSubstring("nobody can go on: claimer waits"));
}

TEST_CASE("a parker that looks before it locks is seen to miss its notification") {
  const auto fault = fault_in("claim || release, forgetful parker", [] {
    world<basic_explored<forgetful_parker>> here;
    here.fill();
    auto held = here.take();
    here.go({{"claimer", [&] { (void)here.pool->claim(cueball::no_limit); }},
             {"releaser", [&] { held.release(); }}});
  });
  CHECK_THAT(fault, ct::ContainsSubstring("nobody can go on: claimer waits"));
}

TEST_CASE("user code under a lock is seen") {
  const auto fault = fault_in("a connection that is made under a lock", [] {
    mutex pool;
    scheduler::get().go({{"maker", [&] {
                            const std::scoped_lock lock{pool};
                            const connection made{{}, {}};
                          }}});
  });
  CHECK_THAT(fault, ct::ContainsSubstring("user code runs under a lock: make"));
}
