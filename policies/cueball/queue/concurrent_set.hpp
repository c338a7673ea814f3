// SPDX-License-Identifier: BSL-1.0
/// \file
/// A set of numbers that threads use at once without a lock: what `random` and `sticky` are made of for
/// `threading::lock_free`.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>

#include <cueball/queue_policy.hpp>
#include <cueball/relaxed_word.hpp>
#include <cueball/stable_array.hpp>

namespace cueball::queue {

/// Numbers from a state of 64 bits, by splitmix64 (G. Steele, D. Lea and C. Flood, "Fast splittable
/// pseudorandom number generators", 2014).
struct splitmix64 {
  static constexpr std::uint64_t next(std::uint64_t state) noexcept { return state + 0x9E3779B97F4A7C15ULL; }

  /// \pre `bound` is not 0.
  static constexpr std::uint32_t below(std::uint64_t state, std::uint32_t bound) noexcept {
    auto mixed = (state ^ (state >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94D049BB133111EBULL;
    return static_cast<std::uint32_t>(((mixed ^ (mixed >> 31U)) >> 32U) * bound >> 32U);
  }
};

/// A bit for each number, up to thirty-two in a word, each word in a cache line of its own. Beside its bits a
/// word counts what was put in, so that it never is again what it was. There is always room.
template <template <class> class Atomic>
class concurrent_set {
 public:
  /// \param bits_of_line 2 to this are the numbers of a line, 5 at the most: fewer take more memory, and let
  /// more threads use the set without being in each other's way
  concurrent_set(std::size_t capacity, unsigned bits_of_line)
      : bits_of_line_(bits_of_line), lines_(static_cast<std::uint32_t>((capacity >> bits_of_line) + 1)) {
    lines_.grow_to(1);
  }

  void make_room(std::uint32_t number) {
    lines_.grow_to(line_of(number) + 1);
    if (number >= bound_.load(std::memory_order_relaxed)) bound_.store(number + 1, std::memory_order_release);
  }

  template <class Allowed>
  push_result push(std::uint32_t number, relaxed_word<std::uint32_t>&, Allowed allowed) noexcept {
    auto& word = word_of(number);
    // acquire: what was done before a fence.
    auto seen = word.load(std::memory_order_acquire);
    while (allowed())
      // release: what the holder did comes before what the next one does; seq_cst, which costs no more, so
      // that all pushes and pops of a word have one order.
      if (word.compare_exchange(seen, counted(seen | bit(number)), std::memory_order_seq_cst))
        return push_result::done;
    return push_result::refused;
  }

  /// Whoever is about to put something in fails, and looks again.
  void fence() noexcept {
    for (std::uint32_t i = 0; i < line_count(); ++i) fence(i << bits_of_line_);
  }

  void fence(std::uint32_t number) noexcept {
    auto& word = word_of(number);
    auto seen = word.load(std::memory_order_acquire);
    while (!word.compare_exchange(seen, counted(seen), std::memory_order_seq_cst)) {
    }
  }

  bool remove(std::uint32_t number, std::uint32_t) noexcept { return take(number); }

  bool holds(std::uint32_t number, std::uint32_t) const noexcept {
    return (word_of(number).load(std::memory_order_acquire) & bit(number)) != 0;
  }

  /// No number is in two places here.
  static constexpr std::uint32_t count_late(std::uint32_t) noexcept { return 0; }

  std::size_t size() const noexcept { return count().numbers; }

 protected:
  /// The same for any number at all, a wrong one too.
  bool take_if_known(std::uint32_t number) noexcept {
    return number < bound_.load(std::memory_order_acquire) && take(number);
  }

  /// False if it is not there.
  bool take(std::uint32_t number) noexcept {
    auto& word = word_of(number);
    auto seen = word.load(std::memory_order_acquire);
    while ((seen & bit(number)) != 0)
      // acquire: what its last holder did to the connection.
      if (word.compare_exchange(seen, seen & ~bit(number), std::memory_order_seq_cst)) return true;
    return false;
  }

  /// Each that is there with the same probability, if `below(bound)` draws each number below `bound` so.
  template <class Below>
  std::optional<std::uint32_t> take_any(Below below) noexcept {
    // Any number at all, again and again until it is there.
    if (const auto bound = bound_.load(std::memory_order_acquire); bound > 0)
      for (int tries = 8; tries > 0; --tries)
        if (const std::uint32_t number = below(bound); take(number)) return number;
    // Few are there: count them, and take one of so many.
    std::optional<std::uint64_t> pushes;
    for (;;) {
      const auto seen = count();
      if (seen.numbers != 0) {
        if (const auto number = find(below(seen.numbers)); number && take(*number)) return number;
      } else {
        // Nothing was there at one moment, if nothing was put in while it was looked for twice.
        if (pushes == seen.pushes || line_count() <= 1) return std::nullopt;
        pushes = seen.pushes;
      }
    }
  }

  /// For a use of the derived class: in the line of the first numbers.
  Atomic<std::uint64_t>& word_beside() noexcept { return lines_[0].beside; }

 private:
  static constexpr unsigned most_of_line = 32;

  struct alignas(64) line {
    Atomic<std::uint64_t> word{};  ///< The bits, and above them how often something was put in.
    Atomic<std::uint64_t> beside{};
  };

  /// What a look at all words, one after the other, has found.
  struct census {
    std::uint32_t numbers = 0;
    std::uint64_t pushes = 0;
  };

  std::uint32_t line_of(std::uint32_t number) const noexcept { return number >> bits_of_line_; }

  Atomic<std::uint64_t>& word_of(std::uint32_t number) const noexcept { return lines_[line_of(number)].word; }

  std::uint64_t bit(std::uint32_t number) const noexcept {
    return std::uint64_t{1} << (number & ((1U << bits_of_line_) - 1));
  }

  static constexpr std::uint64_t counted(std::uint64_t word) noexcept {
    return word + (std::uint64_t{1} << most_of_line);
  }

  static constexpr std::uint32_t bits_of(std::uint64_t word) noexcept {
    return static_cast<std::uint32_t>(word);
  }

  std::uint32_t line_count() const noexcept {
    const auto bound = bound_.load(std::memory_order_acquire);
    return bound == 0 ? 0 : line_of(bound - 1) + 1;
  }

  census count() const noexcept {
    census all;
    for (std::uint32_t i = 0; i < line_count(); ++i) {
      const auto seen = lines_[i].word.load(std::memory_order_acquire);
      all.numbers += static_cast<std::uint32_t>(std::popcount(bits_of(seen)));
      all.pushes += seen >> most_of_line;
    }
    return all;
  }

  /// The one with so many before it.
  std::optional<std::uint32_t> find(std::uint32_t rank) const noexcept {
    for (std::uint32_t i = 0; i < line_count(); ++i) {
      auto bits = bits_of(lines_[i].word.load(std::memory_order_acquire));
      const auto here = static_cast<std::uint32_t>(std::popcount(bits));
      if (rank >= here) {
        rank -= here;
        continue;
      }
      for (; rank > 0; --rank) bits &= bits - 1;
      return (i << bits_of_line_) + static_cast<std::uint32_t>(std::countr_zero(bits));
    }
    return std::nullopt;
  }

  unsigned bits_of_line_;
  stable_array<line> lines_;
  Atomic<std::uint32_t> bound_{};  ///< Of the numbers.
};

}  // namespace cueball::queue
