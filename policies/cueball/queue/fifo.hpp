// SPDX-License-Identifier: BSL-1.0
/// \file
/// queue::fifo: the connection that has been idle longest is claimed first. The default.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <cueball/queue/concurrent_ring.hpp>
#include <cueball/queue_policy.hpp>

namespace cueball::queue {

/// Uses all connections in turn, so that each stays warm and every backend gets its share over time.
struct fifo {
  using category = queue_policy;
  static constexpr std::string_view name = "queue::fifo";
  static constexpr queue_order order = queue_order::first_in_first_out;

  /// A ring. Slots are taken out of its middle by leaving a hole, which `pop` skips.
  template <class Slot>
  class queue {
   public:
    queue(const fifo&, std::size_t capacity, random_source)
        : ring_(std::bit_ceil(2 * capacity + 2)), mask_(static_cast<std::uint32_t>(ring_.size() - 1)) {}

    void push(Slot slot) noexcept {
      at(tail_) = slot;
      slot.place(tail_++);
    }

    std::optional<Slot> pop() noexcept {
      Slot found{};
      while (head_ != tail_ && !(found = at(head_++))) --holes_;
      // One return, not one for each case: then g++ keeps it in registers. Else it stores the optional in two
      // parts and loads them as one, which stalls.
      return found ? std::optional<Slot>{found} : std::nullopt;
    }

    void remove(Slot slot) noexcept {
      at(slot.place()) = Slot{};
      // So that there is always room for another one: half the ring is enough for the slots themselves.
      if (++holes_ > mask_ / 2) close_holes();
    }

    std::size_t size() const noexcept { return tail_ - head_ - holes_; }

    /// Fisher-Yates from the head: what has its place already is what `pop` takes next.
    bool shuffle(random_source& random, std::size_t steps) noexcept {
      if (!shuffling_) {
        shuffling_ = true;
        next_ = head_;
        end_ = tail_;
      }
      if (behind(next_, head_)) next_ = head_;
      for (; steps > 0 && behind(next_, end_) && end_ - next_ > 1; --steps, ++next_)
        swap(next_, next_ + random.below(end_ - next_));
      shuffling_ = behind(next_, end_) && end_ - next_ > 1;
      return !shuffling_;
    }

    /// Calls `see(slot)` for each slot in the order of claiming until that returns false.
    template <class Visitor>
    void visit(Visitor see) const {
      for (auto i = head_; i != tail_; ++i)
        if (const auto slot = ring_[i & mask_]; slot && !see(slot)) return;
    }

   private:
    Slot& at(std::uint32_t place) noexcept { return ring_[place & mask_]; }

    // Places wrap around; a ring is much shorter than half their range.
    static bool behind(std::uint32_t place, std::uint32_t other) noexcept {
      return static_cast<std::int32_t>(place - other) < 0;
    }

    void swap(std::uint32_t left, std::uint32_t right) noexcept {
      const auto first = at(left);
      const auto second = at(right);
      at(left) = second;
      at(right) = first;
      if (first) first.place(right);
      if (second) second.place(left);
    }

    void close_holes() noexcept {
      auto to = head_;
      for (auto from = head_; from != tail_; ++from)
        if (const auto slot = at(from)) {
          at(to) = slot;
          slot.place(to++);
        }
      tail_ = to;
      holes_ = 0;
      shuffling_ = false;
    }

    std::vector<Slot> ring_;
    std::uint32_t mask_;
    std::uint32_t head_ = 0;
    std::uint32_t tail_ = 0;
    std::uint32_t holes_ = 0;
    bool shuffling_ = false;
    std::uint32_t next_ = 0;
    std::uint32_t end_ = 0;
  };

  /// For threads that use it at once.
  template <template <class> class Atomic>
  class concurrent : public concurrent_ring<Atomic> {
   public:
    /// Half of the ring is for holes.
    concurrent(const fifo&, std::size_t capacity, random_source)
        : concurrent_ring<Atomic>(2 * capacity + 2) {}

    void make_room(std::uint32_t) noexcept {}
  };
};

}  // namespace cueball::queue
