// SPDX-License-Identifier: BSL-1.0
/// \file
/// The pool's record of one connection over its life, and the table of them.
#pragma once

#include <cstdint>
#include <utility>

#include <cueball/core/list.hpp>
#include <cueball/relaxed_word.hpp>
#include <cueball/stable_array.hpp>
#include <cueball/time.hpp>

namespace cueball::core {

enum class slot_state : std::uint8_t {
  free,        ///< No connection.
  connecting,  ///< Being connected.
  idle,        ///< In the idle set. Where the front is shared, the record says so of claimed ones as well.
  claimed,     ///< Held by a lease, or on its way to one.
  checking,    ///< Out of the idle set for a moment.
  closing,     ///< Being closed, or being cancelled while it connected.
};

struct backend_record;

/// What the core knows of a slot.
struct slot_base {
  relaxed_word<std::uint64_t>
      claims;                         ///< How often this connection was claimed; written by its holder alone.
  relaxed_word<std::uint32_t> place;  ///< The queue's while that holds the slot; the next free one of a free slot.
  std::uint32_t index = 0;            ///< Its place in the table.
  std::uint32_t backend = 0;          ///< The number of its backend.
  std::uint32_t generation = 0;       ///< Which use of the slot this is: grows when the slot is freed.
  slot_state state = slot_state::free;
  bool unwanted = false;                ///< Closed as soon as nobody uses it.
  bool watched = false;                 ///< Its close-watch is armed.
  bool suspect = false;                 ///< Its close-watch fired while it lay idle; armed again, to be sure.
  std::uint32_t attempt = 0;            ///< Failed attempts of its backend when it was opened.
  std::uint32_t successes = 0;          ///< Successful ones, likewise.
  std::uint32_t timer = 0;              ///< Of its connect timeout, or of a second look at its close-watch.
  std::uint64_t watched_at_claims = 0;  ///< `claims` when the watch was armed.
  time_point up_since{};                ///< When it was connected.
  backend_record* owner = nullptr;
  list_link<slot_base> of_backend;
};

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

/// A slot with what the shell keeps beside it: the connection.
/// \tparam Base `slot_base`, with what the front keeps beside it.
template <class Payload, class Base = slot_base>
struct slot : Base, Payload {};

/// Slots at stable addresses. A freed one is used again, under a new generation.
template <class Slot>
class slot_table {
 public:
  explicit slot_table(std::uint32_t expected) : slots_(expected) {}

  Slot& acquire() {
    if (first_free_ == none) {
      const auto index = slots_.size();
      slots_.grow_to(index + 1);
      slots_[index].index = index;
      return slots_[index];
    }
    auto& found = slots_[first_free_];
    first_free_ = found.place;
    found.place = 0;
    return found;
  }

  void release(slot_base& slot) noexcept {
    const auto index = slot.index;
    const auto generation = slot.generation + 1;
    slot = {};
    slot.index = index;
    slot.generation = generation;
    slot.place = std::exchange(first_free_, index);
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

 private:
  static constexpr std::uint32_t none = UINT32_MAX;

  stable_array<Slot> slots_;
  std::uint32_t first_free_ = none;
};

}  // namespace cueball::core
