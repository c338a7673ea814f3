// SPDX-License-Identifier: BSL-1.0
/// \file
/// queue::lifo: the connection that came back last is claimed first.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <cueball/queue_policy.hpp>
#include <cueball/relaxed_word.hpp>
#include <cueball/stable_array.hpp>

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
    queue(const lifo&, std::size_t capacity, random_source)
        : most_holes_(static_cast<std::uint32_t>(capacity / 2 + 1)), stack_(capacity + most_holes_) {}

    void push(Slot slot) noexcept {
      stack_[top_] = slot;
      slot.place(top_++);
    }

    std::optional<Slot> pop() noexcept {
      Slot found{};
      while (top_ != 0 && !(found = stack_[--top_])) --holes_;
      return found ? std::optional<Slot>{found} : std::nullopt;  // one return: see fifo
    }

    void remove(Slot slot) noexcept {
      stack_[slot.place()] = Slot{};
      // So there is always room for another one, and few steps a removal are enough.
      if (++holes_ > most_holes_) close_holes();
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

    std::uint32_t most_holes_;
    std::vector<Slot> stack_;
    std::uint32_t top_ = 0;
    std::uint32_t holes_ = 0;
    bool shuffling_ = false;
    std::uint32_t left_ = 0;
  };

  /// For threads that use it at once: a stack of nodes (R. K. Treiber, "Systems programming: coping with
  /// parallelism", 1986), with a tag beside its head that tells apart two times at which the same node was on
  /// top. What is removed stays in the stack as a node that `pop` skips; so each number has two nodes.
  template <template <class> class Atomic>
  class concurrent {
   public:
    concurrent(const lifo&, std::size_t capacity, random_source)
        : nodes_(2 * static_cast<std::uint32_t>(capacity)) {}

    void make_room(std::uint32_t number) { nodes_.grow_to(2 * (number + 1)); }

    /// There is no room if both nodes of the number are still in the stack.
    template <class Allowed>
    push_result push(std::uint32_t number, relaxed_word<std::uint32_t>& place, Allowed allowed) noexcept {
      auto id = 2 * number;
      if (nodes_[id].state.load(std::memory_order_acquire) != unused) ++id;
      auto& mine = nodes_[id];
      if (mine.state.load(std::memory_order_acquire) != unused) return push_result::refused;
      for (;;) {
        // acquire: what was done before a fence.
        const auto top = top_.load(std::memory_order_acquire);
        if (!allowed()) return push_result::refused;
        place = id;
        // release: who removes it comes after what its last holder did to the connection.
        mine.state.store(held, std::memory_order_release);
        if (link(mine, id, top)) return push_result::done;
        // It is not in the stack, and yet it may have been removed from there.
        const auto was = mine.state.exchange(unused, std::memory_order_acq_rel);
        if (was != held) return was == removed ? push_result::done : push_result::late;
      }
    }

    /// Whoever is about to change what was on top fails, and looks again.
    void fence() noexcept {
      auto top = top_.load(std::memory_order_acquire);
      while (!top_.compare_exchange(top, after(top, node_of(top)), std::memory_order_seq_cst)) {
      }
    }

    void fence(std::uint32_t) noexcept { fence(); }

    std::optional<std::uint32_t> pop() noexcept {
      auto top = top_.load(std::memory_order_acquire);
      for (;;) {
        const auto id = node_of(top);
        if (id == none) return std::nullopt;
        auto& top_one = nodes_[id];
        // If the node is on top again, with another one below, the tag has changed.
        const auto below = top_one.below.load(std::memory_order_relaxed);
        if (top_.compare_exchange(top, after(top, below), std::memory_order_seq_cst) &&
            top_one.state.exchange(unused, std::memory_order_acq_rel) == held)
          return id / 2;
        top = top_.load(std::memory_order_acquire);
      }
    }

    bool remove(std::uint32_t number, std::uint32_t place) noexcept {
      auto seen = held;
      return place / 2 == number &&
             nodes_[place].state.compare_exchange(seen, removed, std::memory_order_seq_cst);
    }

    bool holds(std::uint32_t number, std::uint32_t place) const noexcept {
      return place / 2 == number && nodes_[place].state.load(std::memory_order_acquire) == held;
    }

    /// What is removed and in no stack is a push that does not know it yet.
    std::uint32_t count_late(std::uint32_t number) noexcept {
      std::uint32_t late = 0;
      for (const auto id : {2 * number, 2 * number + 1}) {
        auto seen = removed;
        late += nodes_[id].state.compare_exchange(seen, awaited, std::memory_order_seq_cst) ? 1 : 0;
      }
      return late;
    }

    /// Takes the removed ones out of the stack, by one thread at a time. The stack is empty for a moment.
    void tidy() noexcept {
      auto top = top_.load(std::memory_order_acquire);
      while (!top_.compare_exchange(top, after(top, none), std::memory_order_seq_cst)) {
      }
      // Nobody comes to these any more: who read the top before will find that its tag has changed.
      std::uint32_t turned = none;
      for (auto id = node_of(top); id != none;) {
        auto& one = nodes_[id];
        const auto below = one.below.load(std::memory_order_relaxed);
        if (one.state.load(std::memory_order_relaxed) == removed) {
          one.state.store(unused, std::memory_order_release);
        } else {
          one.below.store(turned, std::memory_order_relaxed);
          turned = id;
        }
        id = below;
      }
      while (turned != none) {
        auto& one = nodes_[turned];
        const auto next = one.below.load(std::memory_order_relaxed);
        while (!link(one, turned, top_.load(std::memory_order_acquire))) {
        }
        turned = next;
      }
    }

    /// Removed ones among them.
    std::size_t size() const noexcept {
      const auto id = node_of(top_.load(std::memory_order_acquire));
      return id == none ? 0 : nodes_[id].depth.load(std::memory_order_relaxed);
    }

    /// Calls `see(number)` from the top on until that returns false. What others do meanwhile may be seen or
    /// not.
    template <class Visitor>
    void visit(Visitor see) const {
      auto id = node_of(top_.load(std::memory_order_acquire));
      for (auto left = size(); left > 0 && id != none; --left) {
        const auto& one = nodes_[id];
        if (one.state.load(std::memory_order_acquire) == held && !see(id / 2)) return;
        id = one.below.load(std::memory_order_relaxed);
      }
    }

   private:
    static constexpr std::uint32_t none = UINT32_MAX;

    // States of a node.
    static constexpr std::uint32_t unused = 0;
    static constexpr std::uint32_t held = 1;
    static constexpr std::uint32_t removed = 2;
    static constexpr std::uint32_t awaited = 3;  ///< Removed, and counted as late.

    struct node {
      Atomic<std::uint32_t> below{};
      Atomic<std::uint32_t> depth{};
      Atomic<std::uint32_t> state{};
    };

    /// False if `top` is no longer what is on top.
    bool link(node& mine, std::uint32_t id, std::uint64_t top) noexcept {
      const auto below = node_of(top);
      mine.below.store(below, std::memory_order_relaxed);
      mine.depth.store(below == none ? 1 : nodes_[below].depth.load(std::memory_order_relaxed) + 1,
                       std::memory_order_relaxed);
      // release: who pops it comes after what its last holder did; seq_cst, which costs no more, so that all
      // pushes and pops have one order.
      return top_.compare_exchange(top, after(top, id), std::memory_order_seq_cst);
    }

    static std::uint32_t node_of(std::uint64_t top) noexcept { return static_cast<std::uint32_t>(top); }
    static std::uint64_t after(std::uint64_t top, std::uint32_t id) noexcept {
      return ((top >> 32U) + 1) << 32U | id;
    }

    stable_array<node> nodes_;
    alignas(64) Atomic<std::uint64_t> top_{none};
  };
};

}  // namespace cueball::queue
