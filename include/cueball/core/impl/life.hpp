// SPDX-License-Identifier: BSL-1.0
/// \file
/// The life of a pool: start, time, shuffles, stop; and the snapshot. Bodies of `core::pool_core`.
#pragma once

#include <cueball/core/pool_core.hpp>

namespace cueball::core {

template <class Policies, class Payload>
void pool_core<Policies, Payload>::start(time_point now) {
  if (state_ != pool_state::starting || started_) return;
  started_ = true;
  front_.shut(gate::not_running, false);
  effects_.push_back({.what = effect::kind::run_resolver});
  plan_decoherence(now);
  plan_look(now);
  plan_sample(now);
  plan_lease_sweep(now);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::request_stop() noexcept {
  if (is_stopping()) return;
  front_.shut(gate::not_running, true);
  timers_.cancel(rebalance_timer_);
  timers_.cancel(decoherence_timer_);
  timers_.cancel(resolver_timer_);
  timers_.cancel(sweep_.timer);
  timers_.cancel(age_.timer);
  timers_.cancel(idle_.timer);
  timers_.cancel(size_.timer);
  invalidation_.running = false;
  timers_.cancel(lease_sweep_.timer);
  effects_.push_back({.what = effect::kind::stop_resolver});
  job_.end();
  at_record_ = registry_.records().front();
  enter(pool_state::stopping);
  check_stopped();
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::wake(time_point now) {
  note_hold_up(now);
  auto steps = slice_;
  while (steps > 0) {
    const auto due = timers_.pop_due(now);
    if (!due) break;
    --steps;
    fire(*due, now);
  }
  if (is_stopping()) return stop_on(steps);
  if (invalidation_.running) invalidate_on(steps);
  if (sweep_.running) sweep_on(steps, now);
  if (idle_.again && !idle_.running) {
    timers_.cancel(idle_.timer);
    idle_.running = true;
    idle_.again = false;
  }
  if (idle_.running) look_on(steps, now);
  if (age_.running) age_on(steps, now);
  if (size_.running) sample_on(steps, now);
  if (lease_sweep_.running) lease_sweep_on(steps, now);
  if (shuffling_)
    shuffle_on(steps);
  else if (front_.has_work())
    front_.work(steps);
  if (!job_.is(stage::none)) rebalance_on(steps);
  pump(now);
  if (const auto why = refusal())
    for (; steps > 0 && !claims_.empty(); --steps) {
      ++refused_;
      end(*claims_.front(), why);
    }
}

template <class Policies, class Payload>
bool pool_core<Policies, Payload>::has_work() const noexcept {
  if (is_stopping())
    return at_record_ || stop_at_ < slots_.size() || !claims_.empty() || !ready_waiters_.empty();
  return (sweep_.running && checking_ <= front_.idle() / 8) || age_.running || idle_.running || idle_.again ||
         invalidation_.running || size_.running || lease_sweep_.running || shuffling_ || front_.has_work() ||
         must_trim() || (!claims_.empty() && refusal()) || (!job_.is(stage::none) && !job_.is(stage::plan));
}

template <class Policies, class Payload>
pool_stats pool_core<Policies, Payload>::stats() const {
  pool_stats all;
  all.state = state_;
  all.target = target_;
  all.waiters = claims_.size();
  all.counters = registry_.past();
  all.waited = waited_;
  all.timed_out = timed_out_;
  all.refused = refused_;
  all.shed = shed_;
  all.cancelled = cancelled_;
  all.rebalances = rebalances_;
  all.shuffles = shuffles_;
  all.regroups = regroups_;
  const auto measured = front_.measure(measured_slots);
  all.longest_run = measured.longest_run;
  all.coherence = measured.excess();
  all.resolver = resolver_;
  all.backends.reserve(registry_.records().size());
  for (auto* record = registry_.records().front(); record; record = record_list::next(*record)) {
    auto& row = all.backends.emplace_back();
    row.where = *record->what;
    row.key = record->key;
    row.live = record->member && !record->dead;
    row.dead = record->dead;
    row.planned = record->planned;
    row.counters = record->counters;
    row.last_error = record->last_error;
    row.last_error_text = record->last_error_text;
    for (auto* slot = slots_.first(record->slots); slot; slot = slots_.next(*slot)) {
      ++count_of(row.slots, front_.state_of(*slot));
      row.counters.claims += slot->claims;
    }
    all.slots += row.slots;
    all.counters += row.counters;
  }
  return all;
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::plan_decoherence(time_point now) {
  const auto next = decoherence_.next(now, front_.measure(measured_slots), random_);
  if (next.when <= now || next.when == never_comes) return;
  decoherence_step_ = next.what;
  decoherence_timer_ = timers_.schedule(next.when, {alarm::kind::decohere, nullptr, nullptr, {}});
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::regroup() {
  if constexpr (preferring_strategy<typename Policies::rebalance>) {
    if (!rebalance_.uses_preferences() || members_ == dead_) return;
    backend_record* leaving = nullptr;  // each of those in use with the same probability
    backend_record* coming = nullptr;   // likewise, of all that are live
    std::uint32_t in_use = 0;
    auto left = random_.below(members_ - dead_);
    for (auto* record = registry_.records().front(); record; record = record_list::next(*record)) {
      if (!record->member || record->dead) continue;
      if (left-- == 0) coming = record;
      if (record->planned > 0 && random_.below(++in_use) == 0) leaving = record;
    }
    if (!leaving || !coming || leaving == coming) return;
    std::swap(leaving->preference, coming->preference);
    // Else the plan is the same; but who knows what one will be that is being made.
    if (leaving->planned == coming->planned && job_.is(stage::none)) return;
    ++regroups_;
    job_.begin();
  }
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::shuffle_on(std::uint32_t steps) {
  front_.shut(gate::shuffle, true);
  if (!front_.shuffle_on(random_, steps)) return;
  shuffling_ = false;
  front_.shut(gate::shuffle, false);
  ++shuffles_;
  tell({.what = effect::kind::tell_shuffled, .number = front_.idle()});
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::stop_on(std::uint32_t steps) {
  for (; steps > 0 && !claims_.empty(); --steps) end(*claims_.front(), errc::stopped);
  for (; steps > 0 && !ready_waiters_.empty(); --steps) end(*ready_waiters_.front(), errc::stopped);
  for (; steps > 0 && stop_at_ < slots_.size(); --steps, ++stop_at_) {
    auto& slot = slots_[stop_at_];
    if (slot.state == slot_state::connecting)
      close(slot, close_reason::cancelled);
    else if (is_held(slot) || take_out(slot))
      close(slot, close_reason::stopped);
  }
  for (; steps > 0 && at_record_; --steps) {
    auto& record = *at_record_;
    at_record_ = record_list::next(record);
    disarm(record);
    forget_if_gone(record);
  }
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::check_stopped() noexcept {
  if (state_ != pool_state::stopping || total_ > 0) return;
  enter(pool_state::stopped);
  while (auto* const who = stop_waiters_.front()) {
    delist(*who);
    finish(*who, {});
  }
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::fire(const alarm& due, time_point now) {
  using action = decoherence_step::action;
  switch (due.what) {
    case alarm::kind::waiter:
      due.who->timer = 0;
      expire(*due.who);
      break;
    case alarm::kind::connect:
      if (auto* const slot = slots_.find(due.slot)) {
        slot->place = 0;
        note_connect_failure(*slot, errc::connect_timeout, {}, false, now);
        auto& record = owner_of(*slot);
        close(*slot, close_reason::cancelled);
        review(record);
      }
      break;
    case alarm::kind::test:
      if (auto* const slot = slots_.find(due.slot)) {
        slot->place = 0;
        test_failed(*slot, errc::check_timeout, {}, now);
      }
      break;
    case alarm::kind::second_look:
      if (auto* const slot = slots_.find(due.slot)) {
        slot->place = 0;
        checked(*slot, now);
      }
      break;
    case alarm::kind::retry:
      due.record->retry_timer = 0;
      due.record->held_back = false;
      review(*due.record);
      break;
    case alarm::kind::budget:
      due.record->budget_timer = 0;
      --budgeted_;
      review(*due.record);
      break;
    case alarm::kind::rebalance:
      rebalance_timer_ = 0;
      job_.begin_with_news();
      break;
    case alarm::kind::decohere:
      decoherence_timer_ = 0;
      if (decoherence_step_ == action::shuffle || decoherence_step_ == action::shuffle_and_regroup)
        shuffling_ = true;
      if (decoherence_step_ == action::regroup || decoherence_step_ == action::shuffle_and_regroup) regroup();
      plan_decoherence(now);
      break;
    case alarm::kind::resolver:
      resolver_timer_ = 0;
      effects_.push_back({.what = effect::kind::run_resolver});
      break;
    case alarm::kind::idle:
      idle_.timer = 0;
      idle_.running = true;
      break;
    case alarm::kind::size:
      size_.timer = 0;
      size_.running = true;
      break;
    case alarm::kind::age:
      age_.timer = 0;
      age_.when = never_comes;
      age_.running = true;
      break;
    case alarm::kind::leases:
      lease_sweep_ = {.running = true};
      break;
    case alarm::kind::sweep:
      sweep_ = {.running = true};
      break;
  }
}

}  // namespace cueball::core
