// SPDX-License-Identifier: BSL-1.0
/// \file
/// queue::random: each idle connection is equally likely to be claimed.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include <cueball/queue/concurrent_set.hpp>
#include <cueball/queue/unordered.hpp>
#include <cueball/queue_policy.hpp>

namespace cueball::queue {

/// No pattern can settle in, at the price of less even use over short times than `fifo` has. Constant time.
struct random {
  using category = queue_policy;
  static constexpr std::string_view name = "queue::random";
  static constexpr queue_order order = queue_order::uniform;

  template <class Slot>
  class queue : public unordered<Slot> {
   public:
    queue(const random&, std::size_t capacity, random_source source)
        : unordered<Slot>(capacity), source_(source) {}

    std::optional<Slot> pop() noexcept {
      return this->take([this](std::uint32_t size) { return source_.below(size); });
    }

   private:
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
