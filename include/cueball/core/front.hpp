// SPDX-License-Identifier: BSL-1.0
/// \file
/// The front: what the good case of claim and release touches.
#pragma once

#include <cstddef>
#include <cstdint>

#include <cueball/core/slot.hpp>
#include <cueball/decoherence_policy.hpp>
#include <cueball/random.hpp>

namespace cueball::core {

/// Why claims and releases have to go to the book. Any bit shuts the gate.
struct gate {
  enum bit : std::uint32_t { waiters = 1, shuffle = 2, not_running = 4, sorting = 8 };
};

/// What came of a release at the front.
enum class put_result : std::uint8_t {
  done,  ///< The slot is idle, or somebody else's by now.
  ask,   ///< The slot is still the releaser's: the book has to be told.
  look,  ///< The slot is no longer the releaser's, but the book has to look what there is to do (`look`).
};

/// The idle set and the gate. `try_take` and `try_put` run under the threading policy's fast mutex and do all
/// that a claim or a release has to do unless the gate is shut; everything else is the book's, under the
/// mutex. This one is for models whose fast mutex is a view of the mutex, or nothing since there is one
/// thread; the other one is `shared_front`.
template <class QueuePolicy, class Threading>
class front {
 public:
  using slot_type = slot_base;

  front(const QueuePolicy& policy, std::size_t capacity, random_source random)
      : idle_(policy, capacity, random) {}

  template <class Slots>
  front(const QueuePolicy& policy, std::size_t capacity, random_source random, const Slots&)
      : front(policy, capacity, random) {}

  static void make_room(slot_base&) noexcept {}

  /// Null if the gate is shut or nothing is idle.
  slot_base* try_take() noexcept { return gate_.load() == 0 ? take() : nullptr; }

  put_result try_put(slot_base& slot) noexcept {
    if (gate_.load() != 0 || slot.unwanted) [[unlikely]]
      return put_result::ask;
    put(slot);
    return put_result::done;
  }

  slot_base* take() noexcept {
    const auto handle = idle_.pop();
    if (!handle) return nullptr;
    auto& slot = handle->get();
    claimed(slot);
    return &slot;
  }

  /// The slot, which is in nobody's hands, has a new holder.
  void claimed(slot_base& slot) noexcept {
    slot.state = slot_state::claimed;
    ++slot.claims;
  }

  void put(slot_base& slot) noexcept {
    slot.state = slot_state::idle;
    idle_.push(slot_handle{slot});
  }

  /// Takes a certain slot out, if it is idle; the caller gives it its new state.
  bool remove(slot_base& slot) noexcept {
    if (slot.state != slot_state::idle) return false;
    idle_.remove(slot_handle{slot});
    return true;
  }

  static slot_state state_of(const slot_base& slot) noexcept { return slot.state; }

  /// From here on releases of this slot go to the book; or no longer.
  static void bar(slot_base&, bool) noexcept {}

  /// Was it barred, and yet handed out? A release may have passed the bar before it was set.
  static constexpr bool is_barred(const slot_base&) noexcept { return false; }

  /// A lease has ended: its holder does not come back to this slot.
  static void ended(slot_base&) noexcept {}

  /// Bars the slot for ever. How many holders are to come back?
  static std::uint32_t orphan(slot_base& slot) noexcept { return slot.state == slot_state::claimed ? 1 : 0; }

  /// The front has work of its own to do, in slices.
  static constexpr bool has_work() noexcept { return false; }
  static void work(std::size_t) noexcept {}

  std::uint32_t idle() const noexcept { return static_cast<std::uint32_t>(idle_.size()); }

  /// True when the shuffle is done.
  bool shuffle_on(random_source& random, std::size_t steps) noexcept { return idle_.shuffle(random, steps); }

  void shut(gate::bit bit, bool on) noexcept {
    const auto now = gate_.load();
    gate_.store(on ? now | bit : now & ~static_cast<std::uint32_t>(bit));
  }

  /// Looks at no more than `most` slots.
  coherence measure(std::uint32_t most) const noexcept {
    coherence measured{.idle = idle()};
    if constexpr (requires { idle_.visit([](slot_handle) { return true; }); }) {
      std::uint32_t seen = 0;
      std::uint32_t run = 0;
      std::uint32_t last = 0;
      idle_.visit([&](slot_handle slot) {
        run = seen != 0 && slot.backend() == last ? run + 1 : 1;
        last = slot.backend();
        if (run > measured.longest_run) measured.longest_run = run;
        return ++seen < most;
      });
    }
    return measured;
  }

 private:
  typename QueuePolicy::template queue<slot_handle> idle_;
  typename Threading::template atomic<std::uint32_t> gate_{gate::not_running};
};

}  // namespace cueball::core
