// SPDX-License-Identifier: BSL-1.0
/// \file
/// threading::lock_free: any thread may call; a claim of an idle connection and its release take no lock.
#pragma once

#include <atomic>
#include <cstddef>
#include <string_view>

#include <cueball/threading/multi_threaded.hpp>
#include <cueball/threading_policy.hpp>

namespace cueball::threading {

/// For many threads that claim at once. Claims and releases do not wait for each other, nor for a thread that
/// was descheduled in the middle of one. Waiting, and all that is rare, is as with `multi_threaded`. Each
/// connection takes some 100 bytes more: what threads write is kept in cache lines apart. Takes a queue that
/// has a concurrent form.
struct lock_free {
  using category = threading_policy;
  static constexpr std::string_view name = "threading::lock_free";
  static constexpr bool blocks = true;
  static constexpr bool concurrent = true;

  /// Claims and releases run beside each other, and beside the book.
  static constexpr bool shares_front = true;

  template <class Word>
  class atomic {
   public:
    constexpr atomic() noexcept = default;
    constexpr explicit atomic(Word value) noexcept : value_(value) {}

    Word load(std::memory_order order = std::memory_order_seq_cst) const noexcept {
      return value_.load(order);
    }

    void store(Word value, std::memory_order order = std::memory_order_seq_cst) noexcept {
      value_.store(value, order);
    }

    /// If the word is `expected`, it becomes `desired`; if not, `expected` becomes what it is. (A failure
    /// orders nothing but what the caller makes of it.)
    bool compare_exchange(Word& expected, Word desired,
                          std::memory_order order = std::memory_order_seq_cst) noexcept {
      return value_.compare_exchange_strong(expected, desired, order, std::memory_order_acquire);
    }

    Word exchange(Word desired, std::memory_order order = std::memory_order_seq_cst) noexcept {
      return value_.exchange(desired, order);
    }

   private:
    std::atomic<Word> value_{};
  };

  using mutex = multi_threaded::mutex;

  struct fast_mutex {
    explicit fast_mutex(mutex&) noexcept {}
    void lock() noexcept {}
    void unlock() noexcept {}
  };

  using parker = multi_threaded::parker;
  using clock = std::chrono::steady_clock;
};

}  // namespace cueball::threading
