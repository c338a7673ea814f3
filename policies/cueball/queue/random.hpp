// SPDX-License-Identifier: BSL-1.0
/// \file
/// queue::random: each idle connection is equally likely to be claimed.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <cueball/queue/concurrent_ring.hpp>
#include <cueball/queue_policy.hpp>

namespace cueball::queue {

/// No pattern can settle in, at the price of less even use over short times than `fifo` has. Constant time.
struct random {
  using category = queue_policy;
  static constexpr std::string_view name = "queue::random";
  static constexpr queue_order order = queue_order::uniform;

  template <class Slot>
  class queue {
   public:
    queue(const random&, std::size_t capacity, random_source source)
        : slots_(capacity + 1), source_(source) {}

    void push(Slot slot) noexcept {
      slots_[size_] = slot;
      slot.place(size_++);
    }

    std::optional<Slot> pop() noexcept {
      Slot found{};
      if (size_ != 0) {
        found = slots_[source_.below(size_)];
        remove(found);
      }
      return found ? std::optional<Slot>{found} : std::nullopt;  // one return: see fifo
    }

    void remove(Slot slot) noexcept {
      const auto place = slot.place();
      const auto last = slots_[--size_];
      slots_[place] = last;
      last.place(place);
    }

    std::size_t size() const noexcept { return size_; }

    /// The order means nothing here.
    bool shuffle(random_source&, std::size_t) noexcept { return true; }

   private:
    std::vector<Slot> slots_;
    std::uint32_t size_ = 0;
    random_source source_;
  };

  /// For threads that use it at once: a ring from whose middle the numbers are taken. The older a number, the
  /// more holes are about it: the oldest of n has seen some n (ln n + 0.6) others go. The ring has room for
  /// eight times as many, which is enough for 1,500; with more, the pool makes room at times.
  template <template <class> class Atomic>
  class concurrent : private concurrent_ring<Atomic> {
    using ring = concurrent_ring<Atomic>;

   public:
    concurrent(const random&, std::size_t capacity, random_source source)
        : ring(8 * capacity + 8), state_(source()) {}

    void make_room(std::uint32_t) noexcept {}

    using ring::count_late;
    using ring::fence;
    using ring::holds;
    using ring::push;
    using ring::remove;
    using ring::size;

    std::optional<std::uint32_t> pop() noexcept {
      // Any place among them, again and again until something is there: so each is equally likely. When so
      // many were looked at in vain there is next to nothing in the ring.
      for (int tries = 64; tries > 0; --tries) {
        const auto places = ring::size();
        if (places == 0) break;
        if (const auto found = ring::take_at(below(places))) {
          ring::drop_holes();
          return found;
        }
        ring::drop_holes();  // of a fence, perhaps, with nothing behind it
      }
      return ring::pop();
    }

   private:
    /// By splitmix64 (G. Steele, D. Lea and C. Flood, "Fast splittable pseudorandom number generators",
    /// 2014). Two threads at once may get the same: that is no pattern.
    std::uint64_t below(std::uint64_t bound) noexcept {
      const auto state = state_.load(std::memory_order_relaxed) + 0x9E3779B97F4A7C15ULL;
      state_.store(state, std::memory_order_relaxed);
      auto mixed = (state ^ (state >> 30U)) * 0xBF58476D1CE4E5B9ULL;
      mixed = (mixed ^ (mixed >> 27U)) * 0x94D049BB133111EBULL;
      return ((mixed ^ (mixed >> 31U)) >> 32U) * bound >> 32U;
    }

    alignas(64) Atomic<std::uint64_t> state_;
  };
};

}  // namespace cueball::queue
