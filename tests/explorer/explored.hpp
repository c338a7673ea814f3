// SPDX-License-Identifier: BSL-1.0
/// \file
/// A threading policy whose every name hands control to the explorer.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string_view>

#include <cueball/threading_policy.hpp>

#include "explorer/scheduler.hpp"

namespace explorer {

struct clock {
  using duration = cueball::duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = cueball::time_point;
  static constexpr bool is_steady = true;

  static time_point now() noexcept { return scheduler::get().now(); }
};

class mutex {
 public:
  void lock() {
    auto& all = scheduler::get();
    const auto is_free = [this] { return !held_; };
    // Alone, that is as good as to have others go on before the last unlock returned.
    if (all.holds_a_lock() || !is_free()) all.wait("waits for", this, is_free);
    all.note("locks", this);
    held_ = true;
    all.drain();
    all.locked(this);
  }

  void unlock() noexcept {
    auto& all = scheduler::get();
    all.drain();
    held_ = false;
    all.note("unlocks", this);
    all.unlocked(this);
    all.step();
  }

 private:
  friend class condition;

  bool held_ = false;
};

/// A condition variable. Nobody wakes without a reason.
class condition {
 public:
  /// True if it was notified, false at the deadline.
  bool wait_until(std::unique_lock<mutex>& lock, time_point deadline) {
    auto& all = scheduler::get();
    auto& held = *lock.mutex();
    const auto seen = notified_;
    all.drain();
    held.held_ = false;
    all.note("waits, and unlocks", &held);
    all.unlocked(&held);
    const bool woken = all.wait("waits to be notified", this, [&] { return notified_ != seen; }, deadline);
    held.lock();
    return woken;
  }

  void notify_all() noexcept {
    scheduler::get().note("notifies", this);
    ++notified_;
  }

 private:
  std::uint32_t notified_ = 0;
};

/// In the shape of that of `multi_threaded`.
class parker {
 public:
  bool park_until(time_point deadline) {
    {
      std::unique_lock lock{mutex_};
      while (!unparked_ && clock::now() < deadline) wake_.wait_until(lock, deadline);
      if (!unparked_) return false;
    }
    scheduler::get().pass_gate();
    return true;
  }

  void unpark() noexcept {
    const std::scoped_lock lock{mutex_};
    unparked_ = true;
    wake_.notify_all();
  }

 private:
  mutex mutex_;
  condition wake_;
  bool unparked_ = false;
};

/// A word that needs a lock.
template <class Word>
class guarded_word {
 public:
  constexpr guarded_word() noexcept = default;
  constexpr explicit guarded_word(Word value) noexcept : value_(value) {}

  Word load() const noexcept {
    scheduler::get().under_lock("a plain word");
    return value_;
  }

  void store(Word value) noexcept {
    scheduler::get().under_lock("a plain word");
    value_ = value;
  }

 private:
  Word value_{};
};

/// A word that threads share: others may go on before each access.
template <class Word>
class shared_word {
 public:
  constexpr shared_word() noexcept = default;
  constexpr explicit shared_word(Word value) noexcept : value_(value) {}

  Word load() const noexcept {
    reach("loads");
    return value_;
  }

  void store(Word value) noexcept {
    reach("stores");
    value_ = value;
  }

 private:
  void reach(const char* what) const noexcept {
    scheduler::get().step();
    scheduler::get().note(what, this);
  }

  Word value_{};
};

/// A word that threads change without a lock: others may go on before each access, and may not see a store at
/// once.
template <class Word>
class buffered_word {
 public:
  buffered_word() noexcept = default;
  explicit buffered_word(Word value) noexcept : value_(value) {}

  Word load(std::memory_order = std::memory_order_seq_cst) const noexcept {
    reach("loads");
    return seen();
  }

  void store(Word value, std::memory_order order = std::memory_order_seq_cst) noexcept {
    drain_for(order);
    reach("stores");
    put(value, order);
  }

  bool compare_exchange(Word& expected, Word desired,
                        std::memory_order order = std::memory_order_seq_cst) noexcept {
    drain_for(order);
    reach("compares and exchanges");
    auto& all = scheduler::get();
    all.drain_others(this);
    const auto is = seen();
    if (is == expected) {
      put(desired, order);
      return true;
    }
    expected = is;
    return false;
  }

  Word exchange(Word desired, std::memory_order order = std::memory_order_seq_cst) noexcept {
    drain_for(order);
    reach("exchanges");
    scheduler::get().drain_others(this);
    const auto is = seen();
    put(desired, order);
    return is;
  }

 private:
  static void drain_for(std::memory_order order) noexcept {
    if (order == std::memory_order_seq_cst) scheduler::get().drain();
  }

  void reach(const char* what) const noexcept {
    scheduler::get().step();
    scheduler::get().note(what, this);
  }

  Word seen() const noexcept {
    const auto kept = scheduler::get().kept_back(this);
    return kept ? static_cast<Word>(*kept) : value_;
  }

  void put(Word value, std::memory_order order) noexcept {
    auto& all = scheduler::get();
    if (order != std::memory_order_seq_cst &&
        all.keeps_back(this, value, [](void* where, std::uint64_t kept) {
          static_cast<buffered_word*>(where)->value_ = static_cast<Word>(kept);
        }))
      return;
    value_ = value;
  }

  Word value_{};
};

/// What `multi_threaded` is, in the explorer's hands. Other parts make other models.
template <class Parker = parker, template <class> class Word = guarded_word>
struct basic_explored {
  using category = cueball::threading_policy;
  static constexpr std::string_view name = "explorer::explored";
  static constexpr bool blocks = true;
  static constexpr bool concurrent = true;

  template <class Value>
  using atomic = Word<Value>;

  using mutex = explorer::mutex;

  class fast_mutex {
   public:
    explicit fast_mutex(mutex& all) noexcept : all_(all) {}
    void lock() { all_.lock(); }
    void unlock() noexcept { all_.unlock(); }

   private:
    mutex& all_;
  };

  using parker = Parker;
  using clock = explorer::clock;
};

/// What `lock_free` is.
template <template <class> class Word = buffered_word>
struct basic_lock_free_explored : basic_explored<parker, Word> {
  static constexpr std::string_view name = "explorer::lock_free_explored";
  static constexpr bool shares_front = true;

  struct fast_mutex {
    explicit fast_mutex(mutex&) noexcept {}
    void lock() noexcept {}
    void unlock() noexcept {}
  };
};

using lock_free_explored = basic_lock_free_explored<>;
static_assert(cueball::threading_model<lock_free_explored>);

using explored = basic_explored<>;
static_assert(cueball::threading_model<explored>);

}  // namespace explorer
