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

#include <cueball/queue/concurrent_set.hpp>
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

  /// For threads that use it at once: a set, as dense as can be.
  template <template <class> class Atomic>
  class concurrent : public concurrent_set<Atomic> {
   public:
    concurrent(const random&, std::size_t capacity, random_source source)
        : concurrent_set<Atomic>(capacity, 5) {
      this->word_beside().store(source(), std::memory_order_relaxed);
    }

    std::optional<std::uint32_t> pop() noexcept {
      return this->take_any([this](std::uint32_t bound) { return below(bound); });
    }

   private:
    /// Two threads at once may get the same: that is no pattern.
    std::uint32_t below(std::uint32_t bound) noexcept {
      auto& word = this->word_beside();
      const auto state = splitmix64::next(word.load(std::memory_order_relaxed));
      word.store(state, std::memory_order_relaxed);
      return splitmix64::below(state, bound);
    }
  };
};

}  // namespace cueball::queue
