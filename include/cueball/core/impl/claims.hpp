// SPDX-License-Identifier: BSL-1.0
/// \file
/// Those who wait: claims, readiness. Bodies of `core::pool_core`.
#pragma once

#include <cueball/core/pool_core.hpp>

namespace cueball::core {

template <class Policies, class Payload>
void pool_core<Policies, Payload>::claim(waiter& claimer, time_point deadline, time_point now) {
  claimer.waits_for = waiter::kind::claim;
  claimer.since = now;
  claimer.ahead = claims_.size();
  if (is_stopping()) return finish(claimer, why_over());
  if (claims_.empty())
    if (auto* const slot = take_idle()) return grant(claimer, *slot);
  if (const auto why = refusal()) return refuse(claimer, why);
  if (deadline <= now) {
    ++timed_out_;
    return finish(claimer, errc::claim_timeout);
  }
  if (options_.max_waiters && claims_.size() >= *options_.max_waiters)
    return refuse(claimer, errc::too_many_waiters);
  if (codel_.is_on())
    if (const auto oldest = after(now, codel_.oldest()); oldest < deadline) {
      deadline = oldest;
      claimer.sheds_at_deadline = true;
    }
  enlist(claims_, claimer, deadline);
  note_hold_up(now);
  claimer.held = hold_up_.spent;
  ++waited_;
  front_.shut(gate::waiters, true);
  serve(now);  // what was put back without a lock before the gate was shut
  if (!claims_.empty()) make_room_for_waiters();
  check_for_waiters(now);
  note_hold_up(now);
}

template <class Policies, class Payload>
auto pool_core<Policies, Payload>::try_claim(error_code& why) noexcept -> slot_type* {
  why = {};
  if (is_stopping())
    why = why_over();
  else if (auto* const slot = claims_.empty() ? take_idle() : nullptr)
    return down(slot);
  else if (auto* const rested = claims_.empty() && !invalidation_.running ? take_resting() : nullptr)
    return down(rested);
  else if (why = refusal(); !why)
    why = errc::none_idle;
  return nullptr;
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::cancel(waiter& waiting, error_code why) noexcept {
  if (waiting.now != waiter::state::waiting) return;
  if (waiting.waits_for == waiter::kind::claim) ++cancelled_;
  delist(waiting);
  finish(waiting, why);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::release(slot_base& slot, verdict how, time_point now) {
  auto& record = owner_of(slot);
  front_.ended(slot);
  if (how == verdict::broken) {
    note_broken(slot, now);
    close(slot, close_reason::broken);
  } else if (how == verdict::discarded) {
    if (!was_proved(slot, now)) {
      record.last_error = errc::connection_broken;
      record.last_error_text = "it was discarded before it was of use";
    }
    note_failure(slot, now);
    close(slot, close_reason::discarded);
  } else if (is_stopping() || slot.unwanted || is_outdated(slot)) {
    close(slot, why_it_goes(slot));
  } else if (resets_) {
    return test(slot, effect::kind::reset, now);
  } else {
    return settle(slot, now);
  }
  review(record);
  pump(now);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::gone(slot_base& slot, close_reason reason, time_point now) {
  front_.ended(slot);
  note_use(slot);
  tell_closed(slot, reason);
  forget(slot);
  pump(now);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::give_up(slot_id id, verdict how, time_point now) {
  auto* const slot = slots_.find(id);
  if (!slot || slot->state == slot_state::closing || is_stopping()) return;
  auto& record = owner_of(*slot);
  if (how != verdict::good) note_broken(*slot, now);
  if (!slot->unwanted) mark(*slot);
  review(record);
  pump(now);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::let_go(slot_base& slot, close_reason reason, time_point now) {
  auto& record = owner_of(slot);
  front_.ended(slot);
  close(slot, is_stopping() ? close_reason::stopped : reason);
  review(record);
  pump(now);
}

template <class Policies, class Payload>
auto pool_core<Policies, Payload>::take_to_close() -> slot_type* {
  auto* slot = take_resting();
  if (!slot) slot = front_.take();
  if (!slot) return nullptr;
  --slot->claims;  // that was no claim
  unwant(*slot);
  slot->state = slot_state::closing;
  ++closing_;
  tell_closed(*slot, close_reason::stopped);
  return down(slot);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::wait_ready(waiter& waiting, std::uint32_t count, time_point deadline,
                                              time_point now) {
  waiting.waits_for = waiter::kind::ready;
  waiting.wanted = count;
  if (count < 1 || count > options_.max_connections) return finish(waiting, errc::bad_argument);
  if (is_stopping()) return finish(waiting, why_over());
  if (up() >= count) return finish(waiting, {});
  if (deadline <= now) return finish(waiting, errc::wait_timeout);
  enlist(ready_waiters_, waiting, deadline);
  if (is_elastic() && count > size_.now) resize(count);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::wait_stopped(waiter& waiting, time_point deadline, time_point now) {
  waiting.waits_for = waiter::kind::stop;
  if (state_ == pool_state::stopped || deadline <= now) {
    waiting.left = is_inherited_ ? 0 : total_;
    return finish(waiting, {});
  }
  enlist(stop_waiters_, waiting, deadline);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::enlist(waiter_list& where, waiter& who, time_point deadline) {
  who.deadline = deadline;
  if (deadline != never_comes)
    who.timer = timers_.schedule_in_line(deadline, {alarm::kind::waiter, &who, nullptr, {}});
  who.now = waiter::state::waiting;
  where.push_back(who);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::delist(waiter& who) noexcept {
  timers_.cancel(who.timer);
  list_of(who).erase(who);
  if (!claims_.empty()) return;
  front_.shut(gate::waiters, false);
  codel_.line_is_empty();
}

template <class Policies, class Payload>
waiter_list& pool_core<Policies, Payload>::list_of(const waiter& who) noexcept {
  switch (who.waits_for) {
    case waiter::kind::claim:
      return claims_;
    case waiter::kind::ready:
      return ready_waiters_;
    default:
      return stop_waiters_;
  }
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::finish(waiter& who, error_code error) noexcept {
  who.error = error;
  if (who.waits_for == waiter::kind::claim) {
    if (who.now == waiter::state::waiting)
      for (std::size_t i = 0; i < who.held.size(); ++i) who.held[i] = hold_up_.spent[i] - who.held[i];
    else
      who.since = {};
    if (error) who.held_by = what_holds_up();
  }
  who.now = waiter::state::finished;
  who.link = {};
  (finished_last_ ? finished_last_->link.next : finished_) = &who;
  finished_last_ = &who;
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::expire(waiter& who) noexcept {
  delist(who);
  if (who.waits_for == waiter::kind::stop) who.left = total_;
  if (who.waits_for == waiter::kind::claim) ++(who.sheds_at_deadline ? shed_ : timed_out_);
  finish(who, who.waits_for == waiter::kind::stop    ? error_code{}
              : who.waits_for == waiter::kind::ready ? make_error_code(errc::wait_timeout)
              : who.sheds_at_deadline                ? make_error_code(errc::overloaded)
                                                     : make_error_code(errc::claim_timeout));
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::tell_ready() noexcept {
  for (auto* who = ready_waiters_.front(); who;) {
    auto* const next = waiter_list::next(*who);
    if (up() >= who->wanted) {
      delist(*who);
      finish(*who, {});
    }
    who = next;
  }
}

template <class Policies, class Payload>
hold_up pool_core<Policies, Payload>::what_holds_up() const noexcept {
  if (is_stopping()) return hold_up::stopping;
  if (members_ == 0) return hold_up::no_backend;
  if (connecting_ + monitors_ > 0 && up() < target_) return hold_up::connecting;
  if (up() < target_ || target_ == 0) return budgeted_ > 0 ? hold_up::rate_limited : hold_up::failing;
  return tests_ > 0 ? hold_up::checking : hold_up::in_use;
}

template <class Policies, class Payload>
error_code pool_core<Policies, Payload>::refusal() const noexcept {
  if (state_ == pool_state::failed) return errc::all_dead;
  if (options_.error_on_empty && is_empty()) return errc::no_backend;
  return {};
}

template <class Policies, class Payload>
waiter* pool_core<Policies, Payload>::next_in_line(time_point now) noexcept {
  expire_first(now);
  if (codel_.is_on() && !claims_.empty())
    codel_.make_way(
        now,
        [&]() -> std::optional<time_point> {
          expire_first(now);
          return claims_.size() > 1 ? std::optional{claims_.front()->since} : std::nullopt;
        },
        [&] {
          auto& who = *claims_.front();
          delist(who);
          ++shed_;
          finish(who, errc::overloaded);
        });
  return claims_.front();
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::settle(slot_base& slot, time_point now) noexcept {
  note_hold_up(now);
  if (auto* const who = next_in_line(now)) {
    delist(*who);
    front_.claimed(slot);
    return grant(*who, slot);
  }
  front_.put(slot);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::serve(time_point now) noexcept {
  if (!claims_.empty()) note_hold_up(now);
  for (expire_first(now); !claims_.empty(); expire_first(now)) {
    auto* const slot = take_idle();
    if (!slot) return;
    auto* const who = next_in_line(now);
    if (!who) {        // all that were left are shed or expired
      --slot->claims;  // that was no claim
      front_.ended(*slot);
      return front_.put(*slot);
    }
    delist(*who);
    grant(*who, *slot);
  }
}

}  // namespace cueball::core
