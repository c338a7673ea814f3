// SPDX-License-Identifier: BSL-1.0
/// \file
/// The plan, and the way there. Bodies of `core::pool_core`.
#pragma once

#include <cueball/core/pool_core.hpp>

namespace cueball::core {

template <class Policies, class Payload>
void pool_core<Policies, Payload>::plan_failed(error_code error, std::string text, time_point now) {
  if (!job_.is(stage::plan)) return;
  tell({.what = effect::kind::tell_plan_failed, .error = error, .text = std::move(text)});
  job_.fail();
  note_change(now);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::rebalance_on(std::uint32_t steps) {
  if (job_.is(stage::gather)) {
    if (job_.has_just_begun()) at_record_ = registry_.records().front();
    for (; at_record_ && steps > 0; --steps) {
      auto& record = *at_record_;
      at_record_ = record_list::next(record);
      gather(record);
    }
    if (at_record_) return;
    job_.gathered(singles_ ? std::min(places(), job_.backends()) : places());
    effects_.push_back({.what = effect::kind::plan});
  }
  if (job_.is(stage::apply)) {
    for (; steps > 0; --steps) {
      auto* const record = job_.next();
      if (!record) {
        if (must_trim()) return;  // until then the gone count as well: there would seem to be a surplus
        job_.applied();
        target_ = job_.target();
        break;
      }
      const auto share = job_.share();
      record->planned = record->dead ? 0 : share;  // it may have died since it was asked about
      review(*record);
    }
  }
  if (job_.is(stage::settle)) {
    for (; steps > 0; --steps) {
      auto* const record = job_.next();
      if (!record) return rebalanced();
      review(*record);
      retire_surplus();
    }
  }
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::gather(backend_record& record) {
  if (job_.takes_news_in()) {
    members_ += static_cast<std::uint32_t>(record.announced) - static_cast<std::uint32_t>(record.member);
    record.member = record.announced;
  } else if (!record.member) {
    return;
  }
  if (record.member && !record.dead) return job_.add(record);
  record.planned = 0;
  if (record.member) return;
  if (record.dead) {
    record.dead = false;
    --dead_;
  }
  if (record.monitor != no_slot) close(slots_[record.monitor], close_reason::cancelled);
  disarm(record);
  needy_.erase(record);
  excessive_.erase(record);
  probing_.erase(record);
  registry_.forget_key(record);
  set(doomed_, record, record.wanted > 0);  // that of an earlier rebalance may be there still
  forget_if_gone(record);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::rebalanced() {
  ++rebalances_;
  tell({.what = effect::kind::tell_rebalanced, .number = job_.backends(), .target = target_});
  if (job_.end()) job_.begin();
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::review(backend_record& record) {
  if (is_stopping()) return;
  if (!record.member) {
    if (record.wanted == 0) doomed_.erase(record);
    return;
  }
  // As long as others do not know their share, what is surplus is not known either.
  // Nor are marks taken back while a new plan is due: nothing would be retired for them.
  const bool has_marks = !recalls_ && record.unwanted > record.worn_marked;
  const bool may_grow = !job_.is(stage::apply) && !(has_marks && job_.is_replanning());
  if (may_grow && record.wanted < record.planned && has_marks) take_marks_back(record);
  if (record.wanted > share_of(record) && record.connecting > 0) cancel_connects(record);
  set(excessive_, record, record.wanted > record.planned || (options_.strict_maximum && record.worn > 0));
  set(needy_, record,
      may_grow && !record.dead && record.wanted < share_of(record) && record.retry_timer == 0 &&
          record.budget_timer == 0 && record.connecting < options_.max_connecting.per_backend);
  set(probing_, record,
      record.dead && record.retry_timer == 0 && record.budget_timer == 0 && record.monitor == no_slot);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::take_marks_back(backend_record& record) noexcept {
  for (auto* slot = slots_.first(record.slots); slot && record.unwanted > record.worn_marked;
       slot = slots_.next(*slot)) {
    if (!slot->unwanted || slot->worn) continue;
    if (record.wanted == record.planned) return;
    unmark(*slot);
  }
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::unmark(slot_base& slot) noexcept {
  auto& record = owner_of(slot);
  slot.unwanted = false;
  front_.bar(slot, false);
  --record.unwanted;
  --unwanted_;
  ++record.wanted;
  ++wanted_;
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::cancel_connects(backend_record& record) {
  for (auto* slot = slots_.first(record.slots);
       slot && record.wanted > share_of(record) && record.connecting > 0; slot = slots_.next(*slot))
    if (slot->state == slot_state::connecting) close(*slot, close_reason::cancelled);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::move(time_point now) {
  if (is_stopping()) return;
  trim();
  if (must_trim() || job_.is(stage::apply)) return;  // half a plan is no plan
  if (options_.strict_maximum) break_first(now);
  retire_surplus();
  if (job_.is(stage::settle)) return;
  while (may_open() && !needy_.empty()) {
    auto& record = *needy_.front();
    open_wanted(record, now);
    needy_.erase(record);  // to the end of the list, so that a fill goes round the backends
    review(record);
  }
  while (may_open() && monitors_ < most_monitors() && !probing_.empty()) {
    auto& record = *probing_.front();
    open_monitor(record, now);
    review(record);
  }
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::review_state() {
  if (is_stopping()) return;
  const bool has_failed = state_ == pool_state::failed;
  if (has_failed && !is_all_dead())
    enter(has_run_ ? pool_state::running : pool_state::starting);
  else if (!has_failed && is_all_dead() && !job_.is(stage::gather))  // else the next one may be alive
    enter(pool_state::failed);
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::trim() {
  auto steps = slice_;
  while (auto* const record = doomed_.front()) {
    for (auto* slot = slots_.first(record->slots); slot && record->wanted > 0;) {
      if (steps-- == 0) return;
      auto* const next = slots_.next(*slot);
      if (slot->state != slot_state::closing && !slot->unwanted) retire(*slot, close_reason::unwanted);
      slots_.erase(record->slots,
                   *slot);  // to the end of the list: the next slice begins with those that are left
      slots_.push_back(record->slots, *slot);
      slot = next;
    }
    doomed_.erase(*record);
  }
}

template <class Policies, class Payload>
bool pool_core<Policies, Payload>::retire_one() {
  slot_base* in_use = nullptr;
  for (auto* record = excessive_.front(); record; record = excess_list::next(*record))
    for (auto* slot = slots_.first(record->slots); slot; slot = slots_.next(*slot)) {
      if (record->worn > 0 && !slot->worn) continue;  // that goes first
      const auto state = front_.state_of(*slot);
      if (lies_idle(state) && !slot->unwanted) return retire_from(*slot);
      if (!in_use && !slot->unwanted && (state == slot_state::claimed || state == slot_state::checking))
        in_use = slot;
    }
  return in_use && retire_from(*in_use);
}

template <class Policies, class Payload>
bool pool_core<Policies, Payload>::retire_from(slot_base& slot) {
  auto& record = owner_of(slot);
  retire(slot, why_it_goes(slot));
  excessive_.erase(record);  // to the end of the list: in turn
  review(record);
  return true;
}

template <class Policies, class Payload>
void pool_core<Policies, Payload>::break_first(time_point now) {
  if (!may_retire()) return;
  const auto& most = options_.max_connecting;
  std::uint32_t openable = 0;
  const auto in_flight = connecting_ + monitors_;
  const auto places = most.per_pool > in_flight ? most.per_pool - in_flight : 0;
  for (auto* record = needy_.front(); record && openable < places; record = need_list::next(*record))
    openable += std::min({share_of(*record) - record->wanted, most.per_backend - record->connecting,
                          record->opens.left(open_rate_, now)});
  openable = std::min(openable, places);
  const auto room = size_.most > total_ ? size_.most - total_ : 0;
  for (auto coming = room + closing_ + unwanted_; coming < openable && retire_one(); ++coming) {
  }
}

}  // namespace cueball::core
