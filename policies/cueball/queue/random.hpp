// SPDX-License-Identifier: BSL-1.0
/// \file
/// queue::random: each idle connection is equally likely to be claimed.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <cueball/queue_policy.hpp>
#include <cueball/relaxed_word.hpp>
#include <cueball/stable_array.hpp>

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

  /// For threads that use it at once: a set of bits, one for each number, thirty-two in a word, each word in
  /// a line of its own. Beside them the word counts what was put in, so that it never is again what it was.
  template <template <class> class Atomic>
  class concurrent {
   public:
    concurrent(const random&, std::size_t capacity, random_source source)
        : lines_(static_cast<std::uint32_t>((capacity + numbers_of_line - 1) / numbers_of_line)) {
      lines_.grow_to(1);
      lines_[0].state.store(source(), std::memory_order_relaxed);
    }

    void make_room(std::uint32_t number) {
      lines_.grow_to(number / numbers_of_line + 1);
      if (number >= bound_.load(std::memory_order_relaxed))
        bound_.store(number + 1, std::memory_order_release);
    }

    /// There is always room.
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
      for (std::uint32_t i = 0; i < line_count(); ++i) fence(i * numbers_of_line);
    }

    void fence(std::uint32_t number) noexcept {
      auto& word = word_of(number);
      auto seen = word.load(std::memory_order_acquire);
      while (!word.compare_exchange(seen, counted(seen), std::memory_order_seq_cst)) {
      }
    }

    std::optional<std::uint32_t> pop() noexcept {
      // Any number, again and again until it is there: so each that is there is equally likely.
      const auto bound = bound_.load(std::memory_order_acquire);
      for (int tries = 8; tries > 0 && bound > 0; --tries)
        if (const auto number = static_cast<std::uint32_t>(below(bound)); take(number)) return number;
      return pop_of_few();
    }

    bool remove(std::uint32_t number, std::uint32_t) noexcept { return take(number); }

    bool holds(std::uint32_t number, std::uint32_t) const noexcept {
      return (word_of(number).load(std::memory_order_acquire) & bit(number)) != 0;
    }

    /// No number is in two places here.
    static constexpr std::uint32_t count_late(std::uint32_t) noexcept { return 0; }

    std::size_t size() const noexcept { return count().numbers; }

   private:
    static constexpr std::uint32_t numbers_of_line = 32;

    struct alignas(64) line {
      Atomic<std::uint64_t> word{};   ///< The bits, and above them how often something was put in.
      Atomic<std::uint64_t> state{};  ///< Of the random numbers; the first one's is used.
    };

    /// What a look at all words, one after the other, has found.
    struct census {
      std::uint32_t numbers = 0;
      std::uint64_t pushes = 0;
    };

    static constexpr std::uint64_t bit(std::uint32_t number) noexcept {
      return std::uint64_t{1} << number % numbers_of_line;
    }
    static constexpr std::uint64_t counted(std::uint64_t word) noexcept {
      return word + (std::uint64_t{1} << numbers_of_line);
    }
    static constexpr std::uint32_t bits_of(std::uint64_t word) noexcept {
      return static_cast<std::uint32_t>(word);
    }

    Atomic<std::uint64_t>& word_of(std::uint32_t number) const noexcept {
      return lines_[number / numbers_of_line].word;
    }

    std::uint32_t line_count() const noexcept {
      return (bound_.load(std::memory_order_acquire) + numbers_of_line - 1) / numbers_of_line;
    }

    bool take(std::uint32_t number) noexcept {
      auto& word = word_of(number);
      auto seen = word.load(std::memory_order_acquire);
      while ((seen & bit(number)) != 0)
        // acquire: what its last holder did to the connection.
        if (word.compare_exchange(seen, seen & ~bit(number), std::memory_order_seq_cst)) return true;
      return false;
    }

    census count() const noexcept {
      census all;
      for (std::uint32_t i = 0; i < line_count(); ++i) {
        const auto seen = lines_[i].word.load(std::memory_order_acquire);
        all.numbers += static_cast<std::uint32_t>(std::popcount(bits_of(seen)));
        all.pushes += seen >> numbers_of_line;
      }
      return all;
    }

    /// Counts them, and takes one of so many. There is nothing if nothing was seen twice, and nothing was put
    /// in meanwhile.
    std::optional<std::uint32_t> pop_of_few() noexcept {
      std::optional<std::uint64_t> pushes;
      for (;;) {
        const auto seen = count();
        if (seen.numbers == 0) {
          if (pushes == seen.pushes || line_count() <= 1) return std::nullopt;
          pushes = seen.pushes;
        } else if (const auto number = find(static_cast<std::uint32_t>(below(seen.numbers)))) {
          if (take(*number)) return number;
        }
      }
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
        return i * numbers_of_line + static_cast<std::uint32_t>(std::countr_zero(bits));
      }
      return std::nullopt;
    }

    /// By splitmix64 (G. Steele, D. Lea and C. Flood, "Fast splittable pseudorandom number generators",
    /// 2014). Two threads at once may get the same: that is no pattern.
    std::uint64_t below(std::uint64_t bound) noexcept {
      auto& at = lines_[0].state;
      const auto state = at.load(std::memory_order_relaxed) + 0x9E3779B97F4A7C15ULL;
      at.store(state, std::memory_order_relaxed);
      auto mixed = (state ^ (state >> 30U)) * 0xBF58476D1CE4E5B9ULL;
      mixed = (mixed ^ (mixed >> 27U)) * 0x94D049BB133111EBULL;
      return ((mixed ^ (mixed >> 31U)) >> 32U) * bound >> 32U;
    }

    stable_array<line> lines_;
    Atomic<std::uint32_t> bound_{};  ///< Of the numbers.
  };
};

}  // namespace cueball::queue
