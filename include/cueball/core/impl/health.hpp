// SPDX-License-Identifier: BSL-1.0
/// \file
/// Checks, resets, what lies idle for too long, invalidation. Bodies of `core::pool_core`.
#pragma once

#include <cueball/core/pool_core.hpp>

namespace cueball::core {

template <class Policies, class Payload>
bool pool_core<Policies, Payload>::take_out(slot_base& slot) noexcept {
  if (slot.state != slot_state::resting) return front_.remove(slot);
  end_rest(slot);
  return true;
}

template <class Policies, class Payload>
slot_base* pool_core<Policies, Payload>::take_idle() {
  while (auto* const slot = front_.take()) {
    if (!is_outdated(*slot)) return slot;
    --slot->claims;  // that was no claim
    front_.ended(*slot);
    close(*slot, close_reason::invalidated);
    review(owner_of(*slot));
  }
  return nullptr;
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::rest(slot_base& slot) {
  slot.state = slot_state::resting;
  slot.place = static_cast<std::uint32_t>(resting_.size());
  resting_.push_back(slot.index);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::end_rest(slot_base& slot) noexcept {
  const auto place = std::uint32_t{slot.place};
  resting_[place] = resting_.back();
  slots_[resting_[place]].place = place;
  resting_.pop_back();
  slot.place = 0;
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::test(slot_base& slot, effect::kind how, time_point now) {
  hold(slot);
  ++tests_;
  slot.tested = true;
  // What its close-watch tells from now on may be of this.
  slot.suspect = false;
  slot.watched_at_claims = static_cast<std::uint16_t>(slot.claims - 1);
  arm(slot, after(now, options_.check_timeout), alarm::kind::test);
  effects_.push_back({.what = how, .slot = id_of(slot), .timeout = options_.check_timeout});
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::test_ended(slot_id id, error_code error, std::string text,
                                              time_point now) {
  auto* const slot = slots_.find(id);
  if (!slot || slot->state != slot_state::checking || !slot->tested) return;
  idle_.again = std::exchange(idle_.postponed, false) || idle_.again;
  if (error) {
    test_failed(*slot, error, std::move(text), now);
    return pump(now);
  }
  disarm(*slot);
  test_is_over(*slot);
  if (slot->index < idle_.notes.size()) {
    auto& note = idle_.notes[slot->index];
    note.well_at = now;
    note.check_at = next_check(now);
  }
  if (watched_ && !slot->watched) plan_sweep(now);
  checked(*slot, now);
  check_for_waiters(now);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::test_is_over(slot_base& slot) noexcept {
  slot.tested = false;
  --tests_;
  if (slot.index < idle_.notes.size() && std::exchange(idle_.notes[slot.index].for_claim, false)) --asked_;
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::test_failed(slot_base& slot, error_code error, std::string text,
                                               time_point now) {
  auto& record = owner_of(slot);
  if (checks_) {  // others of that backend may be as bad
    record.suspected_in = idle_.looks + (idle_.running ? 1 : 0);
    idle_.again = true;
  }
  note_broken(slot, now, error, text);
  close(slot, close_reason::broken, error, std::move(text));
  review(record);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::check_for_waiters(time_point now) {
  while (!resting_.empty() && asked_ < claims_.size() && !is_stopping()) {
    auto& slot = slots_[resting_.back()];
    end_rest(slot);
    idle_.notes[slot.index].for_claim = true;  // there is one: it was seen idle
    ++asked_;
    test(slot, effect::kind::check, now);
  }
}

template <class Policies, class Payload>
duration pool_core<Policies, Payload>::pause_between_looks() const noexcept {
  auto shortest = options_.max_idle;
  if (checks_) shortest = std::min({shortest, options_.check_interval, options_.check_after});
  return shortest == no_limit ? duration{} : std::max<duration>(shortest / 16, std::chrono::milliseconds{1});
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::look_on(std::uint32_t& steps, time_point now) {
  if (!go_over_slots(idle_.at, steps, [&](slot_base& slot) { look_at(slot, now); })) return;
  idle_.seen_before = std::exchange(idle_.seen, 0);
  idle_.running = false;
  ++idle_.looks;
  plan_look(now);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::plan_look(time_point now) {
  if (const auto pause = pause_between_looks(); pause != duration{})
    idle_.timer = timers_.schedule(after(now, pause), {alarm::kind::idle, nullptr, nullptr, {}});
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::look_at(slot_base& slot, time_point now) {
  const auto state = front_.state_of(slot);
  if (!lies_idle(state) || slot.unwanted || slot.worn) return;
  ++idle_.seen;
  if (slot.index >= idle_.notes.size()) idle_.notes.resize(slots_.size());
  auto& note = idle_.notes[slot.index];
  const auto claims = std::uint64_t{slot.claims};
  const bool is_suspect = checks_ && owner_of(slot).suspected_in == idle_.looks;
  if (note.generation != slot.generation || note.claims != claims) {
    note = {slot.generation, claims, now, now, next_check(now)};
    if (!is_suspect) return;
  }
  if (now - note.since >= options_.max_idle) {
    wear_out(slot);
  } else if (is_suspect || (checks_ && now >= note.check_at)) {
    if (!is_suspect && !may_check())
      idle_.postponed = true;
    else if (take_out(slot))
      test(slot, effect::kind::check, now);
  } else if (checks_ && state == slot_state::idle && now - note.well_at >= options_.check_after) {
    if (front_.remove(slot)) rest(slot);
  }
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::invalidate() noexcept {
  if (is_stopping()) return;
  invalidation_.before = slots_.opened();
  begin_invalidation();
}

template <class Policies, class Payload>
bool pool_core<Policies, Payload>::invalidate(const std::string& key) {
  auto* const record = registry_.find(key);
  if (!record) return false;
  if (is_stopping()) return true;
  record->outdated_before = slots_.opened();
  begin_invalidation();
  return true;
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::begin_invalidation() noexcept {
  invalidation_.running = true;
  invalidation_.at = 0;
  front_.shut(gate::invalidation, true);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::invalidate_on(std::uint32_t& steps) {
  const bool done = go_over_slots(invalidation_.at, steps, [&](slot_base& slot) {
    if (slot.state == slot_state::free || slot.state == slot_state::closing || !is_outdated(slot)) return;
    auto& record = owner_of(slot);
    if (slot.state == slot_state::connecting)
      close(slot, close_reason::cancelled);
    else
      outdate(slot);
    review(record);
  });
  if (!done) return;
  invalidation_.running = false;
  front_.shut(gate::invalidation, false);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::outdate(slot_base& slot) {
  slot.outdated = true;
  mark_worn(slot);
  if (!slot.unwanted) retire(slot, close_reason::invalidated);
}

}  // namespace cueball::core
