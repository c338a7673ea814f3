// SPDX-License-Identifier: BSL-1.0
/// \file
/// queue::random: each idle connection is equally likely to be claimed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

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
      if (size_ == 0) return std::nullopt;
      const auto slot = slots_[source_.below(size_)];
      remove(slot);
      return slot;
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
};

}  // namespace cueball::queue
