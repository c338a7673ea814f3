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

/// The idle set and the gate. `try_take` and `try_put` run under the threading policy's fast mutex and do all
/// that a claim or a release has to do unless the gate is shut; everything else is the book's, under the
/// mutex.
template <class QueuePolicy, class Threading>
class front {
 public:
  /// Why claims and releases have to go to the book. Any bit shuts the gate.
  enum gate_bit : std::uint32_t { waiters = 1, shuffle = 2, not_running = 4 };

  front(const QueuePolicy& policy, std::size_t capacity, random_source random)
      : idle_(policy, capacity, random) {}

  /// Null if the gate is shut or nothing is idle.
  slot_base* try_take() noexcept { return gate_.load() == 0 ? take() : nullptr; }

  /// False if the gate is shut or the slot is not wanted.
  bool try_put(slot_base& slot) noexcept {
    if (gate_.load() != 0 || slot.unwanted) [[unlikely]]
      return false;
    put(slot);
    return true;
  }

  slot_base* take() noexcept {
    const auto handle = idle_.pop();
    if (!handle) return nullptr;
    auto& slot = handle->get();
    slot.state = slot_state::claimed;
    ++slot.claims;
    return &slot;
  }

  void put(slot_base& slot) noexcept {
    slot.state = slot_state::idle;
    idle_.push(slot_handle{slot});
  }

  /// Takes a certain idle slot out; the caller gives it its new state.
  void remove(slot_base& slot) noexcept { idle_.remove(slot_handle{slot}); }

  std::uint32_t idle() const noexcept { return static_cast<std::uint32_t>(idle_.size()); }

  /// True when the shuffle is done.
  bool shuffle_on(random_source& random, std::size_t steps) noexcept { return idle_.shuffle(random, steps); }

  void shut(gate_bit bit, bool on) noexcept {
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
  typename Threading::template atomic<std::uint32_t> gate_{not_running};
};

}  // namespace cueball::core
