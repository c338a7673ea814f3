// SPDX-License-Identifier: BSL-1.0
/// \file
/// What becomes of slots: connects, leases' ends, closes, close-watches, recovery. Bodies of
/// `core::pool_core`.
#pragma once

#include <cueball/core/pool_core.hpp>

namespace cueball::core {

template <class Policies, class Payload>
void pool_core<Policies, Payload>::connected(slot_id id, time_point now) {
  auto* const slot = slots_.find(id);
  if (!slot) return;
  if (slot->state == slot_state::closing)
    return effects_.push_back({.what = effect::kind::close, .slot = id});
  if (slot->state != slot_state::connecting) return;
  auto& record = owner_of(*slot);
  disarm(*slot);
  if (!record.held_back) timers_.cancel(record.retry_timer);
  record.was_up = true;
  record.opened_at_success = slots_.opened();
  slot->up_since = now;
  slot->watched = watched_;
  has_run_ = true;
  if (state_ == pool_state::starting) enter(pool_state::running);
  tell(effect::kind::tell_connected, record.what);
  if (is_stopping() || !record.member || is_outdated(*slot)) {
    close(*slot, why_it_goes(*slot));
  } else {
    if (is_monitor(*slot)) {
      revive(record);
      review_state();  // before anybody hears of the connection
    } else {
      --record.connecting;
      --connecting_;
    }
    watch_age(*slot, now);
    settle(*slot, now);
  }
  review(record);
  pump(now);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::connect_failed(slot_id id, error_code error, std::string text,
                                                  bool permanent, time_point now) {
  auto* const slot = slots_.find(id);
  if (!slot) return;
  if (slot->state == slot_state::closing) return closed(id, now);
  if (slot->state != slot_state::connecting) return;
  note_connect_failure(*slot, error, std::move(text), permanent, now);
  forget(*slot);
  pump(now);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::closed(slot_id id, time_point now) {
  auto* const slot = slots_.find(id);
  if (!slot || slot->state != slot_state::closing) return;
  forget(*slot);
  pump(now);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::watched(slot_id id, time_point now) {
  auto* const slot = slots_.find(id);
  if (!slot || slot->state != slot_state::checking || is_held(*slot)) return;
  slot->watched = true;
  slot->watched_at_claims = static_cast<std::uint16_t>(slot->claims);
  if (!slot->suspect || slot->unwanted || is_stopping()) return checked(*slot, now);
  arm(*slot, after(now, std::min<duration>(options_.watch_delay, second_look)), alarm::kind::second_look);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::watch_fired(slot_id id, time_point now) {
  auto* const slot = slots_.find(id);
  if (!slot || !slot->watched) return;
  slot->watched = false;
  const bool was_idle = take_out(*slot);  // so that nobody claims it meanwhile
  const bool was_used = static_cast<std::uint16_t>(slot->claims) != slot->watched_at_claims;
  if (was_used) slot->suspect = false;
  if (was_idle) hold(*slot);
  if (slot->suspect && slot->state == slot_state::checking) {
    auto& record = owner_of(*slot);
    note_broken(*slot, now);
    close(*slot, close_reason::broken);
    review(record);
    pump(now);
  } else if (was_idle) {
    slot->suspect = !was_used;
    watch(*slot);
  } else if (slot->state == slot_state::claimed || slot->state == slot_state::idle) {
    plan_sweep(now);  // idle: it came back since, or it is on its way
  }
}

template <class Policies, class Payload>
slot_base& pool_core<Policies, Payload>::open(backend_record& record, time_point now) {
  auto& slot = slots_.acquire();
  slot.state = slot_state::connecting;
  slot.backend = record.number;
  front_.make_room(slot);
  slot.description = record.description;
  registry_.descriptions().hold(slot.description);
  slots_.push_back(record.slots, slot);
  ++record.counters.opened;
  ++total_;
  record.opens.spend(open_rate_, now);
  if (const auto next = record.opens.next(open_rate_); next > now) {
    ++budgeted_;
    record.budget_timer = timers_.schedule(next, {alarm::kind::budget, nullptr, &record, {}});
  }
  const auto& how = recovery_of(record);
  const auto timeout = attempt_timeout(how, record.dead ? how.retries - 1 : record.failures);
  arm(slot, after(now, timeout), alarm::kind::connect);
  effects_.push_back(
      {.what = effect::kind::open, .slot = id_of(slot), .where = record.what, .timeout = timeout});
  return slot;
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::open_wanted(backend_record& record, time_point now) {
  open(record, now);
  ++record.wanted;
  ++record.connecting;
  ++wanted_;
  ++connecting_;
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::open_monitor(backend_record& record, time_point now) {
  record.monitor = open(record, now).index;
  ++monitors_;
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::unwant(slot_base& slot) noexcept {
  auto& record = owner_of(slot);
  if (slot.state == slot_state::connecting) {
    disarm(slot);
    if (is_monitor(slot)) {
      record.monitor = no_slot;
      --monitors_;
      return;
    }
    --record.connecting;
    --connecting_;
  }
  if (slot.unwanted) {
    slot.unwanted = false;
    front_.bar(slot, false);
    --record.unwanted;
    --unwanted_;
    if (slot.worn) --record.worn_marked;
  } else {
    if (slot.worn) --record.worn;
    --record.wanted;
    --wanted_;
  }
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::close(slot_base& slot, close_reason reason, error_code error,
                                         std::string text) {
  if (slot.state == slot_state::checking) {
    --checking_;
    disarm(slot);
    if (slot.tested) test_is_over(slot);
  }
  if (reason != close_reason::broken && reason != close_reason::discarded) note_use(slot);
  unwant(slot);
  slot.state = slot_state::closing;
  ++closing_;
  effects_.push_back({.what = effect::kind::close, .slot = id_of(slot), .reason = reason});
  tell_closed(slot, reason, error, std::move(text));
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::mark(slot_base& slot) noexcept {
  auto& record = owner_of(slot);
  slot.unwanted = true;
  front_.bar(slot, true);
  ++record.unwanted;
  ++unwanted_;
  if (slot.worn) {
    --record.worn;
    ++record.worn_marked;
  }
  --record.wanted;
  --wanted_;
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::retire(slot_base& slot, close_reason reason) {
  if (slot.state == slot_state::connecting) return close(slot, close_reason::cancelled);
  if (is_held(slot)) return close(slot, reason);
  mark(slot);
  // After the mark: who puts it back meanwhile sees the mark, or it is found here.
  if (take_out(slot))
    close(slot, reason);
  else if (recalls_)
    effects_.push_back(
        {.what = effect::kind::recall, .slot = id_of(slot), .where = where(slot), .reason = reason});
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::forget(slot_base& slot) {
  auto& record = owner_of(slot);
  if (slot.state == slot_state::closing) {
    --closing_;
  } else {
    unwant(slot);
  }
  ++record.counters.closed;
  record.counters.claims += slot.claims;
  slots_.erase(record.slots, slot);
  registry_.descriptions().drop(slot.description);
  slots_.release(slot);
  --total_;
  review(record);
  forget_if_gone(record);
  check_stopped();
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::hold(slot_base& slot) noexcept {
  slot.state = slot_state::checking;
  slot.place = 0;  // the queue's until now
  ++checking_;
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::checked(slot_base& slot, time_point now) {
  if (!slot.unwanted && !is_outdated(slot) && !is_stopping()) {
    --checking_;
    return settle(slot, now);
  }
  auto& record = owner_of(slot);
  close(slot, why_it_goes(slot));
  review(record);
  pump(now);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::note_use(const slot_base& slot) noexcept {
  auto& record = owner_of(slot);
  if (slot.claims > 0 && slot.up_since > record.failed_at) record.failures = 0;
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::note_broken(slot_base& slot, time_point now, error_code error,
                                               std::string text) {
  auto& record = owner_of(slot);
  ++record.counters.broken;
  record.last_error = error;
  record.last_error_text = std::move(text);
  note_failure(slot, now);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::note_failure(slot_base& slot, time_point now) {
  auto& record = owner_of(slot);
  if (was_proved(slot, now)) {
    if (slot.up_since > record.failed_at) record.failures = 0;
  } else if (is_opened_after(slot, record.opened_at_failure)) {
    hold_back(record, false, now);
    record.held_back = true;
  }
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::note_connect_failure(slot_base& slot, error_code error, std::string text,
                                                        bool permanent, time_point now) {
  auto& record = owner_of(slot);
  ++record.counters.connect_failures;
  record.last_error = error;
  tell({.what = effect::kind::tell_connect_failed, .where = record.what, .error = error, .text = text});
  record.last_error_text = std::move(text);
  for (auto* other = slots_.first(record.slots); other; other = slots_.next(*other))
    if (other->up_since > record.failed_at && was_proved(*other, now)) {
      record.failures = 0;
      break;
    }
  // Connects that were in flight together fail once; one that was overtaken by a success says nothing.
  // What is permanent is so in any case.
  const bool counts = is_opened_after(slot, record.opened_at_failure) || (permanent && !record.dead);
  if (counts && is_opened_after(slot, record.opened_at_success)) hold_back(record, permanent, now);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::hold_back(backend_record& record, bool permanent, time_point now) {
  record.failed_at = now;
  record.opened_at_failure = slots_.opened();
  ++record.failures;
  timers_.cancel(record.retry_timer);
  if (!record.member || is_stopping()) return;
  const auto& how = recovery_of(record);
  if (!record.dead && (permanent || record.failures >= how.retries)) die(record);
  const auto delay = record.dead ? spread_out(how.max_delay, how.spread, random_)
                                 : backoff_delay(how, record.failures, random_);
  record.retry_timer = timers_.schedule(after(now, delay), {alarm::kind::retry, nullptr, &record, {}});
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::die(backend_record& record) {
  record.dead = true;
  record.planned = 0;
  ++dead_;
  tell({.what = effect::kind::tell_backend_dead,
        .where = record.what,
        .error = record.last_error,
        .text = record.last_error_text});
  job_.begin();
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::revive(backend_record& record) {
  record.monitor = no_slot;
  --monitors_;
  ++record.wanted;
  ++wanted_;
  record.dead = false;
  --dead_;
  tell(effect::kind::tell_backend_alive, record.what);
  job_.begin();
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::plan_sweep(time_point now) {
  if (is_stopping()) return;
  if (sweep_.running)
    sweep_.again = true;
  else if (sweep_.timer == 0)
    sweep_.timer =
        timers_.schedule(after(now, options_.watch_delay), {alarm::kind::sweep, nullptr, nullptr, {}});
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::sweep_on(std::uint32_t& steps, time_point now) {
  auto idle = front_.idle();
  for (; sweep_.at < slots_.size() && steps > 0; --steps, ++sweep_.at) {
    auto& slot = slots_[sweep_.at];
    if (slot.watched) continue;
    const auto state = front_.state_of(slot);
    if (lies_idle(state)) {
      if (checking_ > idle / 8) return;  // few at a time: the others can be claimed meanwhile
      if (take_out(slot)) {
        if (idle > 0) --idle;  // it is about so many
        hold(slot);
        watch(slot);
        continue;
      }
    }
    if (state == slot_state::idle || state == slot_state::claimed) sweep_.again = true;
  }
  if (sweep_.at < slots_.size()) return;
  const auto again = sweep_.again;
  sweep_ = {};
  if (again) plan_sweep(now);
}

}  // namespace cueball::core
