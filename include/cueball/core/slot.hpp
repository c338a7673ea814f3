// SPDX-License-Identifier: BSL-1.0
/// \file
/// The pool's record of one connection over its life, and the table of them.
#pragma once

#include <atomic>
#include <cstdint>
#include <source_location>
#include <utility>

#include <cueball/relaxed_word.hpp>
#include <cueball/stable_array.hpp>
#include <cueball/time.hpp>

namespace cueball::core {

enum class slot_state : std::uint8_t {
  free,        ///< No connection.
  connecting,  ///< Being connected.
  idle,        ///< In the idle set. Where the front is shared, the record says so of claimed ones as well.
  claimed,     ///< Held by a lease, or on its way to one.
  resting,     ///< Idle for so long that it is checked before anybody gets it: not in the idle set.
  checking,    ///< Out of the idle set for a moment.
  closing,     ///< Being closed, or being cancelled while it connected.
};

/// Stands for no slot where the index of one is expected.
inline constexpr std::uint32_t no_slot = UINT32_MAX;

/// What the core knows of a slot. What claims and releases touch comes first.
struct slot_base {
  relaxed_word<std::uint64_t>
      claims;  ///< How often this connection was claimed; written by its holder alone.

  /// Belongs to the queue while that holds the slot. Of a slot that is connecting or being checked it is the
  /// deadline that is set for it, if it is not 0; of a resting one where it stands among those; of a free one
  /// the index of the next free one.
  relaxed_word<std::uint32_t> place;

  std::uint32_t index = 0;  ///< Its place in the table.
  slot_state state = slot_state::free;
  bool unwanted : 1 = false;  ///< Closed as soon as nobody uses it.
  bool watched : 1 = false;   ///< Its close-watch is armed.
  bool suspect : 1 = false;   ///< Its close-watch fired while it lay idle; armed again, to be sure.
  bool opened : 1 = false;    ///< Its connection was made, or is about to be (`pool_core::opening`).
  bool worn : 1 = false;      ///< Past its lifetime, idle for too long, or outdated.
  bool aside : 1 = false;     ///< In the book's part of a shared idle set.
  bool tested : 1 = false;    ///< A check or a reset of it is under way.
  bool outdated : 1 = false;  ///< Opened before the pool was invalidated.
  std::uint16_t watched_at_claims = 0;  ///< The last bits of `claims` when the watch was armed.
  std::uint32_t backend = 0;            ///< The number of its backend.
  std::uint32_t description = 0;        ///< What its backend was announced as when it was opened.

  /// Which of the pool's connections this is, in the order of their opening: the last bits of its number.
  std::uint32_t generation = 0;

  std::uint32_t previous = no_slot;  ///< Of its backend.
  std::uint32_t next = no_slot;
  time_point up_since{};  ///< When it was connected.
};

static_assert(sizeof(slot_base) == 48);

/// Names one use of a slot: an event or effect of an older generation means nothing.
struct slot_id {
  std::uint32_t index = 0;
  std::uint32_t generation = 0;

  friend bool operator==(const slot_id&, const slot_id&) = default;
};

inline slot_id id_of(const slot_base& slot) noexcept {
  return {slot.index, slot.generation};
}

/// The handle that queue policies see.
class slot_handle {
 public:
  slot_handle() = default;
  explicit slot_handle(slot_base& slot) noexcept : slot_(&slot) {}

  explicit operator bool() const noexcept { return slot_ != nullptr; }
  std::uint32_t index() const noexcept { return slot_->index; }
  std::uint32_t backend() const noexcept { return slot_->backend; }
  std::uint32_t place() const noexcept { return slot_->place; }
  void place(std::uint32_t value) const noexcept { slot_->place = value; }

  slot_base& get() const noexcept { return *slot_; }

 private:
  slot_base* slot_ = nullptr;
};

/// A slot of a pool whose observer wants to hear of leases that are out for long.
template <class Base>
struct timed_slot : Base {
  /// By its holder, who counts the claim, then says where it claimed, then for which claim it has said so.
  /// In between it may be held up for long. Who acquires one of these sees what came before it.
  std::atomic<std::source_location> claimed_at{};
  std::atomic<std::uint64_t> noted{0};

  /// Which claim of which connection this is, for `noted`; never 0.
  std::uint64_t latest_claim() const noexcept {
    return std::uint64_t{this->generation} << 32U | static_cast<std::uint32_t>(this->claims);
  }

  /// The lease that the last look found, and when a look found it first.
  struct {
    std::uint64_t claims = 0;
    time_point first{};
    std::uint32_t generation = 0;
    bool told = false;
  } seen;
};

/// A slot with what the shell keeps beside it: the connection.
/// \tparam Base `slot_base`, with what the front keeps beside it.
template <class Payload, class Base = slot_base>
struct slot : Base, Payload {};

/// Slots of one backend, in a row: all that is done with it takes constant time (see `slot_table`).
struct slot_row {
  std::uint32_t first = no_slot;
  std::uint32_t last = no_slot;

  bool empty() const noexcept { return first == no_slot; }
};

/// Slots at stable addresses. A freed one is used again, under a new generation.
template <class Slot>
class slot_table {
 public:
  explicit slot_table(std::uint32_t expected) : slots_(expected) {}

  /// For a new connection.
  Slot& acquire() {
    if (first_free_ == no_slot) {
      slots_.grow_to(slots_.size() + 1);
      first_free_ = slots_.size() - 1;
      slots_[first_free_].index = first_free_;
      slots_[first_free_].place = no_slot;
    }
    auto& found = slots_[first_free_];
    first_free_ = found.place;
    found.place = 0;
    found.generation = static_cast<std::uint32_t>(++opened_);
    return found;
  }

  void release(slot_base& slot) noexcept {
    const auto index = slot.index;
    slot = {};
    slot.index = index;
    slot.place = std::exchange(first_free_, index);
  }

  /// For how many connections slots were acquired.
  std::uint64_t opened() const noexcept { return opened_; }

  /// How many had been by its own: the first has number one. (Right for the latest four thousand million.)
  std::uint64_t number_of(const slot_base& slot) const noexcept {
    return opened_ - (static_cast<std::uint32_t>(opened_) - slot.generation);
  }

  /// The slot if it is still the one that `id` names.
  Slot* find(slot_id id) noexcept {
    if (id.index >= slots_.size()) return nullptr;
    auto& found = slots_[id.index];
    return found.generation == id.generation && found.state != slot_state::free ? &found : nullptr;
  }

  /// All slots, free ones among them.
  std::uint32_t size() const noexcept { return slots_.size(); }
  Slot& operator[](std::uint32_t index) const noexcept { return slots_[index]; }

  // Rows.

  Slot* first(const slot_row& row) const noexcept { return at(row.first); }
  Slot* next(const slot_base& slot) const noexcept { return at(slot.next); }

  void push_back(slot_row& row, slot_base& slot) noexcept {
    slot.previous = row.last;
    slot.next = no_slot;
    (row.empty() ? row.first : slots_[row.last].next) = slot.index;
    row.last = slot.index;
  }

  /// \pre It is in the row.
  void erase(slot_row& row, const slot_base& slot) noexcept {
    (row.first == slot.index ? row.first : slots_[slot.previous].next) = slot.next;
    (row.last == slot.index ? row.last : slots_[slot.next].previous) = slot.previous;
  }

 private:
  Slot* at(std::uint32_t index) const noexcept { return index == no_slot ? nullptr : &slots_[index]; }

  stable_array<Slot> slots_;
  std::uint32_t first_free_ = no_slot;
  std::uint64_t opened_ = 0;
};

}  // namespace cueball::core
