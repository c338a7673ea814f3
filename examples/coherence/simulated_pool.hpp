// SPDX-License-Identifier: BSL-1.0
/// \file
/// The core that ships, without its sockets: connects succeed at once, and time is what the simulation says.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include <cueball/core/pool_core.hpp>
#include <cueball/policy_set.hpp>
#include <cueball/queue/lifo.hpp>
#include <cueball/threading/single_threaded.hpp>
#include <cueball/time.hpp>

namespace coherence {

/// Nothing is kept beside a slot.
struct no_connection {};

/// Nine connections over the backends A, B and C, whose numbers are 0, 1 and 2.
template <class Queue, class Decoherence>
class simulated_pool {
 public:
  simulated_pool(const Decoherence& decoherence, std::uint64_t seed)
      : core_({.max_connections = 9}, {}, {}, decoherence, {}, seed) {
    core_.start(now_);
    for (const std::uint16_t port : {std::uint16_t{1}, std::uint16_t{2}, std::uint16_t{3}})
      core_.backend_added({"10.0.0.1", port}, now_);
  }

  /// Does what is due by `now`.
  void pass_until(cueball::time_point now) {
    for (;;) {
      perform();
      const auto next = core_.next_wake();
      if (next > now) break;
      now_ = std::max(now_, next);
      core_.wake(now_);
    }
    now_ = now;
  }

  /// The loads that are played leave one idle.
  cueball::core::slot_base& claim() {
    if (auto* const slot = core_.try_take()) return *slot;
    throw std::logic_error("nothing is idle");
  }

  void release(cueball::core::slot_base& slot) {
    if (core_.try_put(slot) != cueball::push_result::done)
      core_.release(slot, cueball::core::verdict::good, now_);
  }

  /// What claims would get, one after the other, as letters. The pool is as it was, but for their count.
  std::string order() {
    std::vector<cueball::core::slot_base*> slots;
    std::string letters;
    while (auto* const slot = core_.try_take()) {
      slots.push_back(slot);
      letters += static_cast<char>('A' + slot->backend);
    }
    if constexpr (std::same_as<Queue, cueball::queue::lifo>) std::reverse(slots.begin(), slots.end());
    for (auto* const slot : slots) release(*slot);
    return letters;
  }

  cueball::pool_stats stats() const { return core_.stats(); }

 private:
  using policies = cueball::make_policy_set<Queue, Decoherence, cueball::threading::single_threaded>;
  using effect = cueball::core::effect;

  void perform() {
    for (std::vector<effect> effects; core_.has_effects(); effects.clear()) {
      core_.take_effects(effects);
      for (const auto& each : effects) {
        if (each.what == effect::kind::open) core_.connected(each.slot, now_);
        if (each.what == effect::kind::plan) {
          core_.make_plan();
          core_.planned();
        }
      }
    }
  }

  cueball::time_point now_{};
  cueball::core::pool_core<policies, no_connection> core_;
};

}  // namespace coherence
