// SPDX-License-Identifier: BSL-1.0
/// \file
/// threading::multi_threaded: any thread may call; one mutex. The default.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string_view>

#include <cueball/threading/single_threaded.hpp>
#include <cueball/threading_policy.hpp>

namespace cueball::threading {

/// Claim and release take the pool's mutex once, for a handful of instructions.
struct multi_threaded {
  using category = threading_policy;
  static constexpr std::string_view name = "threading::multi_threaded";
  static constexpr bool blocks = true;
  static constexpr bool concurrent = true;

  template <class Word>
  using atomic = plain_word<Word>;

  /// Says what `std::mutex` does not: unlocking cannot fail.
  class mutex : public std::mutex {
   public:
    void unlock() noexcept { std::mutex::unlock(); }
  };

  class fast_mutex {
   public:
    explicit fast_mutex(mutex& all) noexcept : all_(all) {}
    void lock() { all_.lock(); }
    void unlock() noexcept { all_.unlock(); }

   private:
    mutex& all_;
  };

  /// Holds one thread until another lets it go on.
  class parker {
   public:
    bool park_until(time_point deadline) {
      std::unique_lock lock{mutex_};
      const auto is_unparked = [this] { return unparked_; };
      if (deadline != never_comes) return wake_.wait_until(lock, deadline, is_unparked);
      wake_.wait(lock, is_unparked);
      return true;
    }

    /// Once. The parker may be gone as soon as this has let its thread go.
    void unpark() noexcept {
      const std::scoped_lock lock{mutex_};
      unparked_ = true;
      wake_.notify_one();
    }

   private:
    std::mutex mutex_;
    std::condition_variable wake_;
    bool unparked_ = false;
  };

  using clock = std::chrono::steady_clock;
};

}  // namespace cueball::threading
