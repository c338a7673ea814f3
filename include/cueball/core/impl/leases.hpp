// SPDX-License-Identifier: BSL-1.0
/// \file
/// Leases that are out for long. Bodies of `core::pool_core`.
#pragma once

#include <cueball/core/pool_core.hpp>

namespace cueball::core {

template <class Policies, class Payload>
void pool_core<Policies, Payload>::plan_lease_sweep([[maybe_unused]] time_point now) {
  if constexpr (hears_overdue)
    if (options_.lease_limit != no_limit)
      // From the end of one sweep to the next, so that two sweeps are a whole limit for each slot.
      lease_sweep_.timer = timers_.schedule(after(now, (options_.lease_limit + duration{1}) / 2),
                                            {alarm::kind::leases, nullptr, nullptr, {}});
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::lease_sweep_on(std::uint32_t& steps, time_point now) {
  if (!go_over_slots(lease_sweep_.at, steps, [&](slot_type& slot) { look_at_lease(slot, now); })) return;
  lease_sweep_ = {};
  plan_lease_sweep(now);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::look_at_lease([[maybe_unused]] slot_type& slot,
                                                 [[maybe_unused]] time_point now) {
  if constexpr (hears_overdue) {
    if (front_.state_of(slot) != slot_state::claimed) return;
    auto& seen = slot.seen;
    const std::uint64_t claims = slot.claims;
    if (seen.claims != claims || seen.generation != slot.generation) {
      seen = {.claims = claims, .first = now, .generation = slot.generation};
      return;
    }
    if (seen.told || now < after(seen.first, options_.lease_limit)) return;
    // A holder that is held up before it has said where it claimed is told of when it has.
    if (slot.noted.load(std::memory_order_acquire) != slot.latest_claim()) return;
    const auto where = slot.claimed_at.load(std::memory_order_acquire);
    if (slot.claims != claims) return;  // without a lock: it ended, and this may be where the next one began
    seen.told = true;
    tell({.what = effect::kind::tell_lease_overdue,
          .slot = id_of(slot),
          .where = owner_of(slot).what,
          .claimed_at = where});
  }
}

}  // namespace cueball::core
