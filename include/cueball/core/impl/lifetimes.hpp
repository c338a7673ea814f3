// SPDX-License-Identifier: BSL-1.0
/// \file
/// Connections that are past their lifetime. Bodies of `core::pool_core`.
#pragma once

#include <cueball/core/pool_core.hpp>

namespace cueball::core {

template <class Policies, class Payload>
void pool_core<Policies, Payload>::look_at_ages(time_point when, time_point now) {
  if (is_stopping() || when >= age_.when) return;
  age_.when = when;
  if (age_.running) return;  // it looks at all of them first
  timers_.cancel(age_.timer);
  // Those whose time comes soon after are found together: a look goes over all slots.
  const auto soonest = after(now, options_.max_lifetime / 128);
  age_.timer = timers_.schedule(std::max(when, soonest), {alarm::kind::age, nullptr, nullptr, {}});
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::age_on(std::uint32_t& steps, time_point now) {
  const bool done = go_over_slots(age_.at, steps, [&](slot_base& slot) {
    if (slot.worn) return;
    const auto state = front_.state_of(slot);
    if (state == slot_state::free || state == slot_state::connecting || state == slot_state::closing) return;
    if (const auto end = end_of_life(slot); end > now)
      age_.when = std::min(age_.when, end);
    else
      wear_out(slot);
  });
  if (!done) return;
  const auto next = age_.when;
  age_.running = false;
  age_.when = never_comes;
  if (next != never_comes) look_at_ages(next, now);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::mark_worn(slot_base& slot) noexcept {
  if (slot.worn) return;
  slot.worn = true;
  auto& record = owner_of(slot);
  ++(slot.unwanted ? record.worn_marked : record.worn);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::wear_out(slot_base& slot) {
  auto& record = owner_of(slot);
  mark_worn(slot);
  if (slot.unwanted) return;
  // In use, it costs nothing to let it go: the replacement is opened meanwhile. Where its holder would be
  // told at once, it is used until the replacement is there.
  if (!recalls_ && front_.state_of(slot) == slot_state::claimed) retire(slot, close_reason::expired);
  review(record);
}

}  // namespace cueball::core
