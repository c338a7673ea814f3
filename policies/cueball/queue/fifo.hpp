// SPDX-License-Identifier: BSL-1.0
/// \file
/// queue::fifo: the connection that has been idle longest is claimed first. The default.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
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
        : size_(static_cast<std::uint32_t>(capacity + most_holes(capacity) + 1)),
          most_holes_(most_holes(capacity)),
          ring_(size_) {}

    void push(Slot slot) noexcept {
      const auto place = tail_;
      ring_[place] = slot;
      slot.place(place);
      tail_ = place + 1 != size_ ? place + 1 : 0;
    }

    std::optional<Slot> pop() noexcept {
      Slot found{};
      while (head_ != tail_) {
        found = ring_[head_];
        if (++head_ == size_) [[unlikely]]
          next_lap();
        if (found) [[likely]]
          break;
        --holes_;
      }
      // One return, not one for each case: then g++ keeps it in registers. Else it stores the optional in two
      // parts and loads them as one, which stalls.
      return found ? std::optional<Slot>{found} : std::nullopt;
    }

    void remove(Slot slot) noexcept {
      ring_[slot.place()] = Slot{};
      if (++holes_ > most_holes_) close_holes();
    }

    std::size_t size() const noexcept { return length() - holes_; }

    /// Fisher-Yates from the head: what has its place already is what `pop` takes next.
    bool shuffle(random_source& random, std::size_t steps) noexcept {
      const auto popped = laps_ * size_ + head_;
      if (!shuffling_) {
        shuffling_ = true;
        next_ = popped;
        end_ = popped + length();
      }
      next_ = std::max(next_, popped);
      for (; steps > 0 && next_ + 1 < end_; --steps, ++next_) {
        const auto from = static_cast<std::uint32_t>(next_ - popped);
        swap(cell(from), cell(from + random.below(static_cast<std::uint32_t>(end_ - next_))));
      }
      shuffling_ = next_ + 1 < end_;
      return !shuffling_;
    }

    /// Calls `see(slot)` for each slot in the order of claiming until that returns false.
    template <class Visitor>
    void visit(Visitor see) const {
      for (std::uint32_t i = 0; i != length(); ++i)
        if (const auto slot = ring_[cell(i)]; slot && !see(slot)) return;
    }

   private:
    /// More are closed: so there is always room for another one, and few steps a removal are enough.
    static std::uint32_t most_holes(std::size_t capacity) noexcept {
      return static_cast<std::uint32_t>(capacity / 2 + 1);
    }

    /// Holes among them. At least one cell is empty: head and tail are equal only if all are.
    std::uint32_t length() const noexcept { return tail_ - head_ + (tail_ < head_ ? size_ : 0); }

    /// Of the `offset`-th place from the head.
    std::uint32_t cell(std::uint32_t offset) const noexcept {
      const auto left = size_ - head_;
      return offset < left ? head_ + offset : offset - left;
    }

    void next_lap() noexcept {
      head_ = 0;
      ++laps_;
    }

    void swap(std::uint32_t left, std::uint32_t right) noexcept {
      std::swap(ring_[left], ring_[right]);
      if (ring_[left]) ring_[left].place(left);
      if (ring_[right]) ring_[right].place(right);
    }

    void close_holes() noexcept {
      std::uint32_t held = 0;
      for (std::uint32_t i = 0; i != length(); ++i)
        if (const auto slot = ring_[cell(i)]) {
          const auto place = cell(held++);
          ring_[place] = slot;
          slot.place(place);
        }
      tail_ = cell(held);
      holes_ = 0;
      shuffling_ = false;
    }

    std::uint32_t size_;
    std::uint32_t most_holes_;
    std::vector<Slot> ring_;
    std::uint32_t head_ = 0;
    std::uint32_t tail_ = 0;
    std::uint32_t holes_ = 0;

    // The shuffle under way, in places since ever: where it is, and where its end is.
    bool shuffling_ = false;
    std::uint64_t laps_ = 0;  ///< Of the head.
    std::uint64_t next_ = 0;
    std::uint64_t end_ = 0;
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
