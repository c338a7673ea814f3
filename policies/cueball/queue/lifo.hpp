// SPDX-License-Identifier: BSL-1.0
/// \file
/// queue::lifo: the connection that came back last is claimed first.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <cueball/queue_policy.hpp>

namespace cueball::queue {

/// Keeps few connections busy and lets the others rest. It also keeps few backends busy: see docs/policies.md
/// before taking it.
struct lifo {
  using category = queue_policy;
  static constexpr std::string_view name = "queue::lifo";
  static constexpr queue_order order = queue_order::last_in_first_out;

  /// A stack. Slots are taken out of its middle by leaving a hole, which `pop` skips.
  template <class Slot>
  class queue {
   public:
    queue(const lifo&, std::size_t capacity, random_source) : stack_(2 * capacity + 2) {}

    void push(Slot slot) noexcept {
      stack_[top_] = slot;
      slot.place(top_++);
    }

    std::optional<Slot> pop() noexcept {
      while (top_ != 0) {
        if (const auto slot = stack_[--top_]) return slot;
        --holes_;
      }
      return std::nullopt;
    }

    void remove(Slot slot) noexcept {
      stack_[slot.place()] = Slot{};
      // So that there is always room for another one: half the stack is enough for the slots themselves.
      if (++holes_ >= stack_.size() / 2) close_holes();
    }

    std::size_t size() const noexcept { return top_ - holes_; }

    /// Fisher-Yates from the top: what has its place already is what `pop` takes next.
    bool shuffle(random_source& random, std::size_t steps) noexcept {
      if (!shuffling_) {
        shuffling_ = true;
        left_ = top_;
      }
      left_ = std::min(left_, top_);
      for (; steps > 0 && left_ > 1; --steps, --left_) swap(left_ - 1, random.below(left_));
      shuffling_ = left_ > 1;
      return !shuffling_;
    }

    /// Calls `see(slot)` for each slot in the order of claiming until that returns false.
    template <class Visitor>
    void visit(Visitor see) const {
      for (auto i = top_; i-- != 0;)
        if (const auto slot = stack_[i]; slot && !see(slot)) return;
    }

   private:
    void swap(std::uint32_t left, std::uint32_t right) noexcept {
      std::swap(stack_[left], stack_[right]);
      if (stack_[left]) stack_[left].place(left);
      if (stack_[right]) stack_[right].place(right);
    }

    void close_holes() noexcept {
      std::uint32_t to = 0;
      for (std::uint32_t from = 0; from != top_; ++from)
        if (const auto slot = stack_[from]) {
          stack_[to] = slot;
          slot.place(to++);
        }
      top_ = to;
      holes_ = 0;
      shuffling_ = false;
    }

    std::vector<Slot> stack_;
    std::uint32_t top_ = 0;
    std::uint32_t holes_ = 0;
    bool shuffling_ = false;
    std::uint32_t left_ = 0;
  };
};

}  // namespace cueball::queue
