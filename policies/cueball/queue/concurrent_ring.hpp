// SPDX-License-Identifier: BSL-1.0
/// \file
/// A ring of numbers that threads use at once without a lock: what `fifo` is made of for
/// `threading::lock_free`.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include <cueball/queue_policy.hpp>
#include <cueball/relaxed_word.hpp>

namespace cueball::queue {

/// First in, first out. Every operation takes effect with one compare-and-swap of one cell, so a thread that
/// is descheduled in the middle of one is in nobody's way.
///
/// Positions count pushes for ever; position `p` is in cell `p mod capacity`. The word of a cell says for
/// which position it is, and what is there: nothing yet, a number, or a hole that a removal left. A pop turns
/// a number or a hole at `p` into nothing yet at `p + capacity`. Positions are filled one after the other,
/// and emptied one after the other. Where the next one is, is told by two hints that may be behind, never
/// ahead: who comes there finds by the cells' words how far on it is.
///
/// The idea of a position in each cell is that of D. Vyukov's bounded queue; there it is the index that is
/// swapped, and a thread that has moved it and not yet written its cell is in the way of those behind it.
template <template <class> class Atomic>
class concurrent_ring {
 public:
  /// Room for `capacity` at least; numbers are below 2^24 - 2.
  explicit concurrent_ring(std::size_t capacity)
      : size_(std::bit_ceil(capacity)),
        line_count_(size_ <= few ? size_ : size_ / cells_of_line),
        line_bits_(static_cast<unsigned>(std::countr_zero(line_count_))),
        lines_(std::make_unique<line[]>(line_count_)) {
    for (std::uint64_t i = 0; i < size_; ++i) at(i).store(word(i, nothing), std::memory_order_relaxed);
  }

  /// Puts the number in if `allowed()`, which is asked after the cell was seen to be empty (see `fence`).
  template <class Allowed>
  push_result push(std::uint32_t number, relaxed_word<std::uint32_t>& place, Allowed allowed) noexcept {
    const auto hint = tail_.load(std::memory_order_acquire);
    for (auto position = hint;;) {
      auto seen = find_end(position);
      if (position_of(seen) != position || !allowed()) return push_result::refused;
      place = static_cast<std::uint32_t>(position);
      if (position != hint) advance(tail_, hint, position);  // after the push nothing may be touched
      // release: what the holder did comes before what the next one does; seq_cst, which costs no more, so
      // that all that happens in the ring has one order.
      if (at(position).compare_exchange(seen, word(position, number), std::memory_order_seq_cst))
        return push_result::done;
    }
  }

  /// Puts a hole where the next push would have gone. A push that has seen that cell empty fails there, and
  /// looks again; by then it has seen the hole (acquire), and with it whatever was done before this
  /// (release).
  void fence() noexcept {
    const auto hint = tail_.load(std::memory_order_acquire);
    for (auto position = hint;;) {
      auto seen = find_end(position);
      // If it is full, all that was seen empty is filled. That it is has to be said with an exchange as well,
      // so that a push which finds room there later has seen what was done before this.
      const bool is_full = position_of(seen) != position;
      if (!at(position).compare_exchange(seen, is_full ? seen : word(position, hole),
                                         std::memory_order_seq_cst))
        continue;
      return is_full ? void() : advance(tail_, hint, next(position));
    }
  }

  /// Of pushes of one number: here there is one place for all.
  void fence(std::uint32_t) noexcept { fence(); }

  std::optional<std::uint32_t> pop() noexcept {
    const auto hint = head_.load(std::memory_order_acquire);
    for (auto position = hint;;) {
      auto seen = pop_holes(position);
      const auto number = number_of(seen);
      if (number == nothing) {
        if (position != hint) advance(head_, hint, position);
        return std::nullopt;
      }
      if (!empty(position, seen)) continue;
      advance(head_, hint, next(position));
      return number;
    }
  }

  /// Leaves a hole.
  bool remove(std::uint32_t number, std::uint32_t place) noexcept {
    auto& cell = at(place);
    auto seen = cell.load(std::memory_order_acquire);
    return is(seen, number, place) &&
           cell.compare_exchange(seen, word(position_of(seen), hole), std::memory_order_seq_cst);
  }

  bool holds(std::uint32_t number, std::uint32_t place) const noexcept {
    return is(at(place).load(std::memory_order_acquire), number, place);
  }

  /// No number is in two places here.
  static constexpr std::uint32_t count_late(std::uint32_t) noexcept { return 0; }

  /// Holes among them.
  std::size_t size() const noexcept {
    const auto head = head_.load(std::memory_order_relaxed);
    auto tail = tail_.load(std::memory_order_acquire);
    find_end(tail);
    return is_behind(head, tail) ? static_cast<std::size_t>((tail - head) & positions) : 0;
  }

  /// Calls `see(number)` from the head on until that returns false. What others do meanwhile may be seen or
  /// not.
  template <class Visitor>
  void visit(Visitor see) const {
    auto position = head_.load(std::memory_order_relaxed);
    for (std::size_t left = size_; left > 0; --left, position = next(position)) {
      const auto seen = at(position).load(std::memory_order_acquire);
      const auto number = number_of(seen);
      if (position_of(seen) != position) continue;
      if (number == nothing) return;
      if (number != hole && !see(number)) return;
    }
  }

 private:
  static constexpr unsigned number_bits = 24;
  static constexpr std::uint32_t nothing = (1U << number_bits) - 1;
  static constexpr std::uint32_t hole = nothing - 1;
  static constexpr std::uint64_t positions = (std::uint64_t{1} << (64 - number_bits)) - 1;

  using atomic_word = Atomic<std::uint64_t>;

  /// What one core takes from another at a time.
  static constexpr std::size_t cells_of_line = 8;
  struct alignas(64) line {
    atomic_word cells[cells_of_line];
  };

  /// Of so many cells each has a line for itself.
  static constexpr std::size_t few = 64;

  static constexpr std::uint64_t word(std::uint64_t position, std::uint32_t number) noexcept {
    return position << number_bits | number;
  }
  static constexpr std::uint64_t position_of(std::uint64_t word) noexcept { return word >> number_bits; }
  static constexpr std::uint32_t number_of(std::uint64_t word) noexcept {
    return static_cast<std::uint32_t>(word) & nothing;
  }
  static constexpr std::uint64_t next(std::uint64_t position) noexcept { return (position + 1) & positions; }

  /// Positions wrap around; a ring is much shorter than half their range.
  static constexpr bool is_behind(std::uint64_t one, std::uint64_t other) noexcept {
    return ((one - other) & positions) > positions / 2;
  }

  /// Where to go on from `position`, whose cell is for the later position `of` already: behind the one that
  /// the cell was for last.
  std::uint64_t next_after(std::uint64_t position, std::uint64_t of) const noexcept {
    const auto behind_last = (of - size_ + 1) & positions;
    return is_behind(position, behind_last) ? behind_last : next(position);
  }

  /// Moves `position` on to the first one that nothing was put at. Returns its word; that is of an earlier
  /// position if there is no room, since what was put there then was not popped yet.
  std::uint64_t find_end(std::uint64_t& position) const noexcept {
    for (;;) {
      // acquire: what was done before a fence.
      const auto seen = at(position).load(std::memory_order_acquire);
      const auto of = position_of(seen);
      if (of == position) {
        if (number_of(seen) == nothing) return seen;
        position = next(position);
      } else {
        if (is_behind(of, position)) return seen;
        position = next_after(position, of);
      }
    }
  }

  /// Moves `position` on to the first one that was not popped and is no hole. Returns its word.
  std::uint64_t pop_holes(std::uint64_t& position) noexcept {
    for (;;) {
      auto seen = at(position).load(std::memory_order_acquire);
      const auto of = position_of(seen);
      if (of != position) {
        if (!is_behind(of, position)) position = next_after(position, of);  // it was popped
      } else if (number_of(seen) != hole) {
        return seen;
      } else if (empty(position, seen)) {
        position = next(position);
      }
    }
  }

  /// Makes room for what comes there in the next lap.
  bool empty(std::uint64_t position, std::uint64_t& seen) noexcept {
    // acquire: what its last holder did to the connection; seq_cst: see `push`.
    return at(position).compare_exchange(seen, word((position + size_) & positions, nothing),
                                         std::memory_order_seq_cst);
  }

  bool is(std::uint64_t seen, std::uint32_t number, std::uint32_t place) const noexcept {
    return number_of(seen) == number && static_cast<std::uint32_t>(position_of(seen)) == place;
  }

  /// Not if somebody else did: so a thread that comes late seldom turns it back.
  static void advance(atomic_word& hint, std::uint64_t seen, std::uint64_t to) noexcept {
    if (hint.load(std::memory_order_relaxed) == seen) hint.store(to, std::memory_order_release);
  }

  /// Neighbouring positions are in different lines: who pushes disturbs no one who pops next to him.
  atomic_word& at(std::uint64_t position) const noexcept {
    const auto index = static_cast<std::size_t>(position) & (size_ - 1);
    return lines_[index & (line_count_ - 1)].cells[index >> line_bits_];
  }

  std::size_t size_;
  std::size_t line_count_;
  unsigned line_bits_;
  std::unique_ptr<line[]> lines_;
  alignas(64) atomic_word head_{};
  alignas(64) atomic_word tail_{};
};

}  // namespace cueball::queue
