// SPDX-License-Identifier: BSL-1.0
/// \file
/// The size of the pool, where that follows the demand. Bodies of `core::pool_core`.
#pragma once

#include <cueball/core/pool_core.hpp>

namespace cueball::core {

template <class Policies, class Payload>
void pool_core<Policies, Payload>::set_most(std::uint32_t most) {
  if (is_stopping() || most == size_.most) return;
  size_.most = most;
  size_.now = is_elastic() ? std::clamp(size_.now, *options_.spares, most) : most;
  job_.begin();
  if (is_elastic() && size_.timer == 0) size_.running = true;
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::plan_sample(time_point now) {
  if (is_elastic() && size_.timer == 0)
    size_.timer = timers_.schedule(after(now, demand::interval), {alarm::kind::size, nullptr, nullptr, {}});
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::sample_on(std::uint32_t& steps, time_point now) {
  const auto count = [&](const slot_base& slot) {
    size_.busy += front_.state_of(slot) == slot_state::claimed ? 1 : 0;
  };
  if (!go_over_slots(size_.at, steps, count)) return;
  size_.running = false;
  const auto busy = std::exchange(size_.busy, 0);
  size_.lately.sample(busy + *options_.spares);
  resize(std::max(wanted_beside(busy), size_.lately.size()));
  plan_sample(now);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::make_room_for_waiters() {
  if (!is_elastic() || size_.now == size_.most) return;
  // Nothing is idle: what is up is in use, but for what is out for a moment.
  const auto busy = up() - checking_ - static_cast<std::uint32_t>(resting_.size());
  size_.lately.at_least(busy + *options_.spares);
  if (const auto wanted = wanted_beside(busy); wanted > size_.now) resize(wanted);
}

template <class Policies, class Payload>
std::uint32_t pool_core<Policies, Payload>::wanted_beside(std::uint32_t busy) const noexcept {
  auto wanted = busy + static_cast<std::uint32_t>(claims_.size()) + options_.spares.value_or(0);
  for (const auto* who = ready_waiters_.front(); who; who = waiter_list::next(*who))
    wanted = std::max(wanted, who->wanted);
  return wanted;
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::resize(std::uint32_t size) {
  size = std::min(size, size_.most);
  if (size == size_.now) return;
  size_.now = size;
  job_.begin();
}

}  // namespace cueball::core
