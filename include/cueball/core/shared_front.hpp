// SPDX-License-Identifier: BSL-1.0
/// \file
/// The front of models whose claims and releases run beside each other, and beside the book, without a lock.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include <cueball/core/front.hpp>
#include <cueball/core/slot.hpp>
#include <cueball/decoherence_policy.hpp>
#include <cueball/queue_policy.hpp>
#include <cueball/random.hpp>

namespace cueball::core {

/// What the shared front keeps beside a slot; in a line of its own, since threads write it.
template <class Threading>
struct alignas(64) shared_slot : slot_base {
  /// Releases of it go to the book.
  typename Threading::template atomic<std::uint32_t> barred{};
};

/// The idle set is a queue that threads use at once, and beside it, mostly empty, one that only the book
/// uses.
///
/// Whether a slot is idle or claimed is not written in it: it is idle if it is in the queue. The book takes a
/// slot out by removing its number, which succeeds if nobody popped it before.
///
/// A release must not slip by when somebody has begun to wait, or the book has begun to want the slot. It
/// looks for both before it pushes, and touches nothing after that, since the slot, and with it the pool, may
/// be somebody else's. Who shuts the gate or bars the slot then puts up a fence: a push that has looked
/// before, and has not happened, fails and looks again. What was pushed before the fence is found in the
/// queue.
///
/// To shuffle, and to get rid of holes when there is no room, the book shuts the gate, moves all slots aside,
/// and moves them back, in slices. Who pops meanwhile, because he had passed the gate before, does no harm.
template <class QueuePolicy, class Threading, class Slots>
class shared_front {
 public:
  using slot_type = shared_slot<Threading>;

  shared_front(const QueuePolicy& policy, std::size_t capacity, random_source random, const Slots& slots)
      : slots_(slots), idle_(policy, capacity, random_source{random()}), aside_(policy, capacity, random) {}

  /// Before the slot is put for the first time.
  void make_room(slot_base& slot) {
    idle_.make_room(slot.index);
    if constexpr (requires { aside_.make_room(0U); }) aside_.make_room(slot.backend + 1);
  }

  /// Queues without a lock do not hear of it.
  static void ended(slot_base&) noexcept {}

  /// Null if the gate is shut or nothing is idle.
  slot_base* try_take() noexcept {
    return gate_.load(std::memory_order_relaxed) == 0 ? take_shared() : nullptr;
  }

  push_result try_put(slot_base& base) noexcept {
    auto& slot = down(base);
    // Whoever has seen a fence has seen what was shut before it. acquire: who sees the gate open again also
    // sees what was barred while it was shut, which had no fence of its own.
    return idle_.push(slot.index, slot.place, [&] {
      return gate_.load(std::memory_order_acquire) == 0 && slot.barred.load(std::memory_order_relaxed) == 0;
    });
  }

  // From here on under the mutex.

  slot_base* take() noexcept {
    work(moved_along);
    const bool aside_first = phase_ == phase::out || phase_ == phase::mix;
    if (aside_first)
      if (auto* const slot = take_aside()) return slot;
    if (auto* const slot = take_shared()) return slot;
    return aside_first ? nullptr : take_aside();
  }

  void claimed(slot_base& base) noexcept {
    auto& slot = down(base);
    slot.state = slot_state::claimed;
    ++slot.claims;
  }

  void put(slot_base& base) noexcept {
    auto& slot = down(base);
    slot.state = slot_state::idle;
    work(moved_along);
    if ((phase_ == phase::none || phase_ == phase::out) && push(slot)) return;
    put_aside(slot);
    if (phase_ == phase::none) begin(phase::back);
  }

  bool remove(slot_base& base) noexcept {
    auto& slot = down(base);
    if (!circulates(slot)) return false;
    if (!slot.aside) return idle_.remove(slot.index, slot.place);
    aside_.remove(slot_handle{slot});
    slot.aside = false;
    return true;
  }

  slot_state state_of(const slot_base& base) const noexcept {
    const auto& slot = static_cast<const slot_type&>(base);
    if (!circulates(slot)) return slot.state;
    return slot.aside || idle_.holds(slot.index, slot.place) ? slot_state::idle : slot_state::claimed;
  }

  void bar(slot_base& slot, bool on) noexcept {
    down(slot).barred.store(on ? 1 : 0);
    if (on && gate_.load(std::memory_order_relaxed) == 0) idle_.fence(slot.index);
  }

  std::uint32_t orphans(slot_base& slot) noexcept {
    // Not `state_of`: a push that is under way, and will be refused, may look as if it had happened.
    return (circulates(slot) ? 1 : 0) + idle_.count_late(slot.index);
  }

  bool has_work() const noexcept { return phase_ != phase::none; }

  void work(std::size_t steps) noexcept {
    if (phase_ == phase::out) move_out(steps);
    if (phase_ == phase::back) move_back(steps);
  }

  /// True when the shuffle is done.
  bool shuffle_on(random_source& random, std::size_t steps) noexcept {
    if (order_of<QueuePolicy> == queue_order::uniform) return true;
    if (!shuffling_) begin(phase::out);
    shuffling_ = true;
    if (phase_ == phase::out) move_out(steps);
    if (phase_ == phase::mix && aside_.shuffle(random, steps)) phase_ = phase::back;
    if (phase_ == phase::back) move_back(steps);
    shuffling_ = phase_ != phase::none;
    return !shuffling_;
  }

  /// About how many.
  std::uint32_t idle() const noexcept { return static_cast<std::uint32_t>(idle_.size() + aside_.size()); }

  void shut(gate::bit bit, bool on) noexcept {
    const auto was = gate_.load(std::memory_order_relaxed);
    gate_.store(on ? was | bit : was & ~static_cast<std::uint32_t>(bit));
    if (on && was == 0) idle_.fence();
  }

  /// Looks at no more than `most` slots.
  coherence measure(std::uint32_t most) const noexcept {
    order_meter meter{most};
    if constexpr (requires { idle_.visit([](std::uint32_t) { return true; }); })
      idle_.visit([&](std::uint32_t number) { return meter(slots_[number].backend); });
    return meter.measured(idle());
  }

 private:
  /// So many slots each event moves that finds the book sorting; so it ends however much is going on.
  static constexpr std::size_t moved_along = 2;

  /// Where slots are being moved to.
  enum class phase : std::uint8_t { none, out, mix, back };

  static slot_type& down(slot_base& slot) noexcept { return static_cast<slot_type&>(slot); }

  /// Idle or claimed, and only the queue knows which.
  static bool circulates(const slot_base& slot) noexcept {
    return slot.state == slot_state::idle || slot.state == slot_state::claimed;
  }

  slot_base* take_shared() noexcept {
    const auto number = idle_.pop();
    if (!number) return nullptr;
    auto& slot = slots_[*number];
    ++slot.claims;
    return &slot;
  }

  slot_base* take_aside() noexcept {
    const auto handle = aside_.pop();
    if (!handle) return nullptr;
    auto& slot = down(handle->get());
    slot.aside = false;
    claimed(slot);
    return &slot;
  }

  void put_aside(slot_base& base) noexcept {
    auto& slot = down(base);
    slot.aside = true;
    aside_.push(slot_handle{slot});
  }

  /// False if there is no room, though some was made: others are in the middle of something.
  bool push(slot_type& slot) noexcept {
    const auto once = [&] {
      return idle_.push(slot.index, slot.place, [] { return true; }) == push_result::done;
    };
    if (once()) return true;
    make_room();
    return once();
  }

  /// The queue is full of what was removed. At once where that is simple, or else in slices to come.
  void make_room() noexcept {
    if constexpr (requires { idle_.tidy(); }) {
      idle_.tidy();
    } else {
      if (phase_ == phase::none) begin(phase::out);
      if (const auto number = idle_.pop()) put_aside(slots_[*number]);
    }
  }

  void move_out(std::size_t steps) noexcept {
    for (; steps > 0; --steps) {
      const auto number = idle_.pop();
      if (!number) {
        phase_ = shuffling_ ? phase::mix : phase::back;
        return;
      }
      put_aside(slots_[*number]);
    }
  }

  void move_back(std::size_t steps) noexcept {
    for (; steps > 0; --steps) {
      const auto handle = aside_.pop();
      if (!handle) return begin(phase::none);
      auto& slot = down(handle->get());
      slot.aside = false;
      if (!push(slot)) return put_aside(slot);  // others came in between
    }
  }

  void begin(phase what) noexcept {
    phase_ = what;
    shut(gate::sorting, what != phase::none);
  }

  const Slots& slots_;
  typename Threading::template atomic<std::uint32_t> gate_{gate::not_running};
  typename QueuePolicy::template concurrent<Threading::template atomic> idle_;
  typename QueuePolicy::template queue<slot_handle> aside_;
  phase phase_ = phase::none;
  bool shuffling_ = false;
};

}  // namespace cueball::core
