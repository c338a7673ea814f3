// SPDX-License-Identifier: BSL-1.0
/// \file
/// queue::sticky: a thread claims again what it gave back last, for a while.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include <cueball/queue/concurrent_set.hpp>
#include <cueball/queue/unordered.hpp>
#include <cueball/queue_policy.hpp>
#include <cueball/random.hpp>
#include <cueball/relaxed_word.hpp>

namespace cueball::queue {

/// For many threads that claim at once, with `threading::lock_free`: each finds its connection, and all that
/// belongs to it, in its own cache, and is seldom in the way of another one. Every 32nd claim of a thread
/// takes any connection with the same probability. So all are used alike, but over some hundred claims and
/// not over a few. (The idea that a thread keeps to what it used last is that of the bag of HikariCP.)
struct sticky {
  using category = queue_policy;
  static constexpr std::string_view name = "queue::sticky";

  /// So many claims in a row.
  static constexpr std::uint32_t most_in_a_row = 32;

  /// Where there is a lock, or only one thread, that is the last one that came back.
  template <class Slot>
  class queue : public unordered<Slot> {
   public:
    queue(const sticky&, std::size_t capacity, random_source source)
        : unordered<Slot>(capacity), source_(source) {}

    std::optional<Slot> pop() noexcept {
      return this->take([this](std::uint32_t size) {
        if (left_ == 0) left_ = most_in_a_row;
        return --left_ != 0 ? size - 1 : source_.below(size);
      });
    }

   private:
    std::uint32_t left_ = 0;
    random_source source_;
  };

  /// For threads that use it at once: a set over some sixty-four cache lines.
  template <template <class> class Atomic>
  class concurrent : public concurrent_set<Atomic> {
    using set = concurrent_set<Atomic>;

   public:
    concurrent(const sticky&, std::size_t capacity, random_source source)
        : set(capacity, static_cast<unsigned>(std::min<std::size_t>(5, std::bit_width(capacity / 64)))),
          seed_(source()) {}

    template <class Allowed>
    push_result push(std::uint32_t number, relaxed_word<std::uint32_t>& place, Allowed allowed) noexcept {
      habit_of_thread().number = number;  // before: nothing of the queue is touched after the push
      return set::push(number, place, allowed);
    }

    std::optional<std::uint32_t> pop() noexcept {
      auto& mine = habit_of_thread();
      if (mine.left > 0) {
        --mine.left;
        if (set::take_if_known(mine.number)) return mine.number;
      }
      const auto any = set::take_any([&mine](std::uint32_t bound) {
        mine.state = splitmix64::next(mine.state);
        return splitmix64::below(mine.state, bound);
      });
      if (any) mine.number = *any;
      mine.left = any ? most_in_a_row - 1 : 0;
      return any;
    }

   private:
    /// What a thread remembers of a queue.
    struct habit {
      std::uint64_t queue = 0;  ///< By its id: another one may come to be at the same address.
      std::uint64_t state = 0;  ///< Of its random numbers.
      std::uint32_t number = 0;
      std::uint32_t left = 0;  ///< Claims of it to come.
    };

    static std::uint64_t fresh_id() noexcept {
      static std::atomic<std::uint64_t> last = 0;
      return last.fetch_add(1, std::memory_order_relaxed) + 1;
    }

    /// A thread remembers a few queues; of one that it has forgotten it begins anew. It is a guess, no more:
    /// with queues of several shared libraries, two may have the same id.
    habit& habit_of_thread() noexcept {
      static thread_local constinit std::array<habit, 4> habits{};
      auto& found = habits[id_ % habits.size()];
      if (found.queue != id_) [[unlikely]]
        found = {.queue = id_, .state = seed_ + threads_seen(), .number = 0, .left = 0};
      return found;
    }

    /// One more each time.
    std::uint64_t threads_seen() noexcept {
      auto& word = set::word_beside();
      auto seen = word.load(std::memory_order_relaxed);
      while (!word.compare_exchange(seen, seen + 1)) {
      }
      return seen << 32U;
    }

    std::uint64_t seed_;
    std::uint64_t id_ = fresh_id();
  };
};

}  // namespace cueball::queue
