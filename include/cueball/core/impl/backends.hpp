// SPDX-License-Identifier: BSL-1.0
/// \file
/// What the resolver says. Bodies of `core::pool_core`.
#pragma once

#include <cueball/core/pool_core.hpp>

namespace cueball::core {

template <class Policies, class Payload>
void pool_core<Policies, Payload>::resolver_ended(error_code error, std::string text, time_point now) {
  resolver_.state = resolver_state::down;
  if (is_stopping()) return;
  resolver_failed(error, std::move(text));
  ++fruitless_runs_;
  timers_.cancel(resolver_timer_);
  resolver_timer_ =
      timers_.schedule(after(now, backoff_delay(options_.recovery.of_dns(), fruitless_runs_, random_)),
                       {alarm::kind::resolver, nullptr, nullptr, {}});
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::backend_added(const backend& where, time_point now) {
  if (is_stopping()) return;
  if (auto problem = problem_with(where); !problem.empty())
    return tell_problem(errc::bad_backend, std::move(problem));
  if (auto* const known = registry_.find(where.key())) {
    known->seen_in_run = resolver_.runs;
    if (!known->announced) {
      known->announced = true;
      ++announced_;
      tell(effect::kind::tell_backend_added, known->what);
      note_change(now);
    }
    if (*known->what != where) describe(*known, where, now);
    return;
  }
  auto& record = registry_.add(where);
  record.seen_in_run = resolver_.runs;
  if constexpr (preferring_strategy<typename Policies::rebalance>) record.preference = random_();
  ++announced_;
  tell(effect::kind::tell_backend_added, record.what);
  note_change(now);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::backend_changed(const backend& where, time_point now) {
  if (is_stopping()) return;
  auto* const known = registry_.find(where.key());
  if (!known || !known->announced) return tell_problem(errc::unknown_backend, "changed: " + where.key());
  if (*known->what != where) describe(*known, where, now);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::backend_removed(const std::string& key, time_point now) {
  if (is_stopping()) return;
  auto* const known = registry_.find(key);
  if (!known || !known->announced) return tell_problem(errc::unknown_backend, "removed: " + key);
  withdraw(*known, now);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::round_done(time_point now) {
  if (is_stopping()) return;
  fruitless_runs_ = 0;
  resolver_.state = resolver_state::following;
  was_resolved_ = true;
  for (auto* record = registry_.records().front(); record; record = record_list::next(*record))
    if (record->announced && record->seen_in_run != resolver_.runs) withdraw(*record, now);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::note_change(time_point now) {
  if (rebalance_timer_ == 0)
    rebalance_timer_ = timers_.schedule(after(now, options_.rebalance_delay),
                                        {alarm::kind::rebalance, nullptr, nullptr, {}});
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::describe(backend_record& record, const backend& where, time_point now) {
  registry_.describe(record, where);
  tell(effect::kind::tell_backend_changed, record.what);
  note_change(now);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::withdraw(backend_record& record, time_point now) {
  record.announced = false;
  --announced_;
  tell(effect::kind::tell_backend_removed, record.what);
  note_change(now);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::forget_if_gone(backend_record& record) {
  if (record.member || record.announced || !record.slots.empty()) return;
  if (at_record_ == &record) at_record_ = record_list::next(record);
  disarm(record);
  needy_.erase(record);
  excessive_.erase(record);
  doomed_.erase(record);
  probing_.erase(record);
  registry_.erase(record);
}

}  // namespace cueball::core
