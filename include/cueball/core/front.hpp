// SPDX-License-Identifier: BSL-1.0
/// \file
/// The front: what the good case of claim and release touches.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include <cueball/core/slot.hpp>
#include <cueball/decoherence_policy.hpp>
#include <cueball/queue_policy.hpp>
#include <cueball/random.hpp>

namespace cueball::core {

/// Why claims and releases have to go to the book. Any bit shuts the gate.
struct gate {
  enum bit : std::uint32_t { waiters = 1, shuffle = 2, not_running = 4, sorting = 8, invalidation = 16 };
};

/// Measures the order of slots that it is shown, in the order of claiming.
class order_meter {
 public:
  static constexpr std::uint32_t capacity = 128;

  /// \param most how many slots are looked at, up to `capacity`
  explicit order_meter(std::uint32_t most) noexcept : most_(std::min(most, capacity)) {}

  /// False if that was enough.
  bool operator()(std::uint32_t backend) noexcept {
    seen_[count_++] = backend;
    return count_ < most_;
  }

  /// Of those that were shown; to be asked once.
  coherence measured(std::uint32_t idle) noexcept {
    coherence all{.idle = idle, .looked_at = count_};
    const auto end = seen_.begin() + count_;
    each_run(end, [&](std::uint32_t length) {
      all.longest_run = std::max(all.longest_run, length);
      all.repeats += length - 1;
    });
    std::sort(seen_.begin(), end);
    std::uint64_t pairs = 0;
    each_run(end, [&](std::uint32_t connections) {
      ++all.backends;
      pairs += std::uint64_t{connections} * (connections - 1);
    });
    if (count_ > 0) all.by_chance = static_cast<double>(pairs) / count_;
    return all;
  }

 private:
  using table = std::array<std::uint32_t, capacity>;

  template <class Visitor>
  void each_run(table::iterator end, Visitor see) noexcept {
    for (auto begin = seen_.begin(); begin != end;) {
      const auto next = std::find_if(begin, end, [&](auto backend) { return backend != *begin; });
      see(static_cast<std::uint32_t>(next - begin));
      begin = next;
    }
  }

  table seen_;
  std::uint32_t most_;
  std::uint32_t count_ = 0;
};

/// The idle set and the gate. `try_take` and `try_put` run under the threading policy's fast mutex and do all
/// that a claim or a release has to do unless the gate is shut; everything else is the book's, under the
/// mutex. This one is for models whose fast mutex is a view of the mutex, or nothing since there is one
/// thread; the other one is `shared_front`.
template <class QueuePolicy, class Threading>
class front {
 public:
  using slot_type = slot_base;

  template <class Slots>
  front(const QueuePolicy& policy, std::size_t capacity, random_source random, const Slots&)
      : idle_(policy, capacity, random) {}

  /// The slot is new.
  void make_room(slot_base& slot) {
    if constexpr (requires { idle_.make_room(0U); }) idle_.make_room(slot.backend + 1);
  }

  /// Null if the gate is shut or nothing is idle.
  slot_base* try_take() noexcept { return gate_.load() == 0 ? take() : nullptr; }

  /// Refused if the book has to be told.
  push_result try_put(slot_base& slot) noexcept {
    if (gate_.load() != 0 || slot.unwanted) [[unlikely]]
      return push_result::refused;
    ended(slot);
    put(slot);
    return push_result::done;
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
    if constexpr (requires { idle_.claimed(slot_handle{slot}); }) idle_.claimed(slot_handle{slot});
  }

  /// Its holder has it no longer.
  void ended(slot_base& slot) noexcept {
    if constexpr (requires { idle_.ended(slot_handle{slot}); }) idle_.ended(slot_handle{slot});
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

  /// How many holders of the slot are still to come? When all that was idle is out, and the gate shut for
  /// ever.
  static std::uint32_t orphans(slot_base& slot) noexcept { return slot.state == slot_state::claimed ? 1 : 0; }

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
    order_meter meter{most};
    if constexpr (requires { idle_.visit([](slot_handle) { return true; }); })
      idle_.visit([&](slot_handle slot) { return meter(slot.backend()); });
    return meter.measured(idle());
  }

 private:
  typename QueuePolicy::template queue<slot_handle> idle_;
  typename Threading::template atomic<std::uint32_t> gate_{gate::not_running};
};

}  // namespace cueball::core
