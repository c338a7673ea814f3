// SPDX-License-Identifier: BSL-1.0
/// \file
/// The rules, one by one.

#include <algorithm>
#include <cmath>

#include <cueball/laws/simulator/ledger.hpp>

namespace cueball::laws {

namespace {

bool is_up(ledger::state now) {
  using enum core::slot_state;
  return now == idle || now == claimed || now == checking;
}

}  // namespace

// The event.

void ledger::begin(time_point now) {
  now_ = now;
  woken_ = false;
  applied_ = false;
  voluntary_ = 0;
  aged_ = 0;
  trimmed_ = 0;
  connect_timed_out_ = false;
  returned_ = false;
  refuses_ = false;
  finds_nobody_ = false;
  ready_ended_ = 0;
}

void ledger::note_change() {
  last_change_ = now_;
  ++changes_;
  if (!is_sliced_ && !rebalance_due_) rebalance_due_ = after(now_, options_.rebalance_delay);
}

bool ledger::membership_differs() const {
  return std::any_of(members_.begin(), members_.end(),
                     [](const member& one) { return one.known && one.announced != one.live; });
}

void ledger::added(const backend& where) {
  if (stopping_) return;
  if (auto* const old = known(where.key())) {
    old->seen_in_run = run_;
    if (!old->announced || old->what != where) note_change();
    old->announced = true;
    old->what = where;
    return;
  }
  members_.push_back({.key = where.key(), .what = where, .seen_in_run = run_});
  note_change();
}

void ledger::changed(const backend& where) {
  auto* const old = known(where.key());
  if (!old || !old->announced) return misreported();
  if (stopping_ || old->what == where) return;
  old->what = where;
  note_change();
}

void ledger::removed(const std::string& key) {
  auto* const old = known(key);
  if (!old || !old->announced) return misreported();
  if (stopping_) return;
  old->announced = false;
  note_change();
}

void ledger::resolver_started() {
  ++run_;
  resolver_state_ = resolver_state::starting;
}

void ledger::resolver_failed() {
  if (stopping_) return;
  was_resolved_ = true;
  ++resolver_failures_;
}

void ledger::resolver_ended() {
  resolver_failed();
  resolver_state_ = resolver_state::down;
}

void ledger::round_done() {
  if (stopping_) return;
  resolver_state_ = resolver_state::following;
  was_resolved_ = true;
  for (auto& one : members_)
    if (one.known && one.announced && one.seen_in_run != run_) {
      one.announced = false;
      note_change();
    }
}

void ledger::connected(core::slot_id id) {
  auto* const one = of(id);
  if (!one || one->now != state::connecting) return;
  auto& owner = members_[one->owner];
  returned_ = one->monitor;
  owner.was_up = true;
  ++owner.successes;
  if (!owner.held_back || now_ >= owner.not_before) {
    owner.not_before = time_point::min();
    owner.held_back = false;
  }
  one->up_since = one->unused_since = one->well_at = now_;
  becomes_idle(*one);
}

void ledger::connect_failed(core::slot_id id, bool permanent) {
  auto* const one = of(id);
  if (!one || (one->now != state::connecting && one->now != state::closing)) return;
  if (one->now == state::connecting) connect_failure(*one, permanent);
  forget(*one);
}

void ledger::closed(core::slot_id id) {
  auto* const one = of(id);
  if (one && one->now == state::closing) forget(*one);
}

void ledger::watched(core::slot_id id) {
  auto* const one = of(id);
  if (!one || one->now != state::checking || one->held_until) return;
  one->watched_at = one->claims;
  if (one->looks > 0 && !one->marked && !stopping_) {
    one->held_since = next_rank_++;
    one->held_until = after(now_, std::min<duration>(options_.watch_delay, std::chrono::milliseconds{100}));
  } else {
    becomes_idle(*one);
  }
}

void ledger::fired(core::slot_id id) {
  auto* const one = of(id);
  if (one && is_up(one->now)) one->looks = one->claims == one->watched_at ? one->looks + 1 : 0;
}

void ledger::resized(std::uint32_t most) {
  if (stopping_ || most == most_) return;
  most_ = most;
  owe_plan();
}

void ledger::test_ended(core::slot_id id, bool well) {
  auto* const one = of(id);
  if (!one || one->now != state::checking || !one->tested) return;
  if (!well) {
    one->test_failed = true;
    members_[one->owner].is_suspect = true;
    return;
  }
  one->tested = false;
  one->is_reset = true;
  one->well_at = now_;
  one->just_freed = true;
  becomes_idle(*one);
}

void ledger::invalidated(const std::string& key) {
  if (stopping_) return;
  has_invalidated_ = true;
  for (auto& one : connections_) {
    if (one.now == state::free || one.now == state::closing) continue;
    const auto& owner = members_[one.owner];
    one.outdated = one.outdated || key.empty() || (owner.known && owner.key == key);
  }
}

void ledger::released(core::slot_id id, bool to_idle) {
  auto* const one = of(id);
  demand(one && one->now == state::claimed, "the simulator released what it does not hold");
  if (!to_idle) return;
  one->unused_since = one->well_at = now_;
  becomes_idle(*one);
}

void ledger::noted(core::slot_id id, unsigned line) {
  auto* const one = of(id);
  demand(one && one->now == state::claimed, "the simulator notes of what it holds");
  one->noted_line = line;
}

void ledger::detached(core::slot_id id) {
  auto* const one = of(id);
  demand(one && one->now == state::claimed, "the simulator detached what it does not hold");
  was_of_use(*one);
  forget(*one);
}

void ledger::woken() {
  woken_ = true;
  if (stopping_ || !rebalance_due_ || *rebalance_due_ > now_) return;
  rebalance_due_.reset();
  news_due_ = true;
  plan_owed_ = true;
  ++plans_allowed_;
}

void ledger::plan_failed() {
  if (stopping_ || !plan_out_) return;
  plan_out_ = plan_owed_ = false;
  plan_failed_ = true;
  plans_allowed_ = 0;
  note_change();
}

void ledger::waits(const core::waiter& who, time_point deadline) {
  auto& where = who.waits_for == core::waiter::kind::claim   ? claims_
                : who.waits_for == core::waiter::kind::ready ? ready_
                                                             : stops_;
  where.push_back({&who, deadline, true, false, now_});
}

void ledger::cancels(const core::waiter& who) {
  for (auto* const list : {&claims_, &ready_, &stops_})
    for (auto& one : *list)
      if (one.who == &who) {
        one.cancelled = true;
        if (list == &claims_) ++cancelled_;
      }
}

void ledger::tried(const core::slot_base* slot) {
  if (!slot) return;
  demand(claims_.empty(), "R8: a newcomer never overtakes a waiter");
  demand(!stopping_, "R15: nothing is handed out after stop");
  auto* const one = of(id_of(*slot));
  demand(one && one->now == state::idle, "a claim gets an idle connection");
  take(*one);
}

// What came of it.

// No effect tells that a connection whose close-watch did not fire again is back.
void ledger::put_back_held(world& pool) {
  std::vector<connection*> back;
  for (auto& one : connections_) {
    if (one.now != state::checking || !one.held_until) continue;
    const auto* const slot = pool.find(one.id);
    if (slot && pool.state_of(*slot) != state::checking && pool.state_of(*slot) != state::closing)
      back.push_back(&one);
  }
  std::sort(back.begin(), back.end(), [](const connection* a, const connection* b) {
    return a->held_until < b->held_until || (a->held_until == b->held_until && a->held_since < b->held_since);
  });
  for (auto* const one : back) {
    demand(now_ >= *one->held_until, "R11: what may be broken is not handed out before a second look");
    one->held_until.reset();
    one->just_freed = true;
    becomes_idle(*one);
  }
}

void ledger::observe(world& pool) {
  put_back_held(pool);
  if (policies_.prefers) regrouped(pool.stats().regroups);
  if (!is_sliced_ || stopping_ || !woken_) return;
  const auto rows = pool.stats().backends;
  auto row = rows.rbegin();
  // From the last one: whoever has the key now comes after those that had it before.
  for (auto i = members_.size(); i-- > 0;) {
    auto& one = members_[i];
    const bool has_row = row != rows.rend() && row->key == one.key &&
                         ((one.known && (one.live || one.announced)) || row->slots.total() == held_by(i));
    if (one.known && has_row && (row->live || row->dead)) {
      demand(one.live || one.announced, "R3: a rebalance takes in what is announced");
      one.live = true;
    } else if (one.known && (one.live || !has_row)) {
      demand(!one.announced, "R3: a rebalance leaves out what was withdrawn");
      one.live = one.known = one.dead = false;
    }
    if (has_row) ++row;
  }
}

void ledger::regrouped(std::uint64_t how_often) {
  if (how_often == regroups_) return;
  demand(woken_ && !stopping_ && how_often == regroups_ + 1, "R6: decoherence moves it one step at a time");
  ++regroups_;
  owe_plan();
}

void ledger::decided(const core::effect& what) {
  using kind = core::effect::kind;
  switch (what.what) {
    case kind::open:
      return opens(what);
    case kind::close:
      return closes(what);
    case kind::watch: {
      auto* const one = of(what.slot);
      demand(one && one->now == state::idle, "only an idle connection is taken to be watched");
      demand(setting_.watched, "nothing is watched that cannot be");
      one->now = state::checking;
      return;
    }
    case kind::check:
    case kind::reset:
      return is_tested(what);
    case kind::plan:
      return gathers();
    case kind::tell_connect_failed:
      ++connect_failures_;
      connect_timed_out_ = woken_;
      return;
    case kind::tell_closed:
      if (what.reason == close_reason::broken) ++broken_;
      return;
    case kind::tell_rebalanced:
      demand(plan_out_, "R3: a plan comes into force once");
      plan_out_ = plan_failed_ = false;
      applied_ = true;
      target_ = what.target;
      if (is_elastic_)
        demand(what.target <= places_ &&
                   (what.number == 0 || what.target >= std::min(places_, *options_.spares)),
               "R1: an elastic pool has its spares at the least");
      else
        demand_equal(what.target, what.number == 0 ? 0 : places_, "R1: the plan sums to the target");
      return;
    case kind::tell_lease_overdue:
      return overdue(what);
    case kind::tell_backend_dead:
      return dies(what);
    case kind::tell_backend_alive:
      return revives(what);
    case kind::tell_shuffled:
      for (auto& one : connections_) one.rank = 0;
      return;
    default:
      return;
  }
}

void ledger::opens(const core::effect& what) {
  demand(!stopping_, "R15: nothing is opened after stop");
  auto* const owner = known(what.where->key());
  demand(owner && owner->live, "R4: connections are opened to live backends only");
  demand(now_ >= owner->not_before, "R13: no connect before the delay after a failure has passed");
  owner->held_back = false;
  if (what.slot.index >= connections_.size()) connections_.resize(what.slot.index + 1);
  auto& one = connections_[what.slot.index];
  demand(one.now == state::free, "a slot in use is not opened");
  const auto& how = recovery_of(*owner);
  auto timeout = how.timeout;
  for (auto i = owner->dead ? how.retries - 1 : owner->failures; i > 0 && timeout < how.max_timeout; --i)
    timeout = std::min(2 * timeout, how.max_timeout);
  demand(what.timeout == timeout, "R13: the time-out doubles with each failed attempt, up to its maximum");
  one = {.id = what.slot,
         .owner = static_cast<std::size_t>(owner - members_.data()),
         .now = state::connecting,
         .monitor = owner->dead,
         .attempt = owner->attempt,
         .successes = owner->successes,
         .opened_at = now_,
         .gives_up_at = after(now_, timeout)};
  ++owner->opened;
  ++opened_;
  if (!options_.max_churn_rate) return;
  owner->opened_at.push_back(now_);
  const auto interval = duration{std::chrono::seconds{2}} / *options_.max_churn_rate;
  auto opens = duration::rep{0};
  for (auto each = owner->opened_at.rbegin(); each != owner->opened_at.rend(); ++each)
    demand(++opens <= options_.max_connecting.per_backend + (now_ - *each) / interval,
           "R13: what is opened to a backend keeps within its rate, over any time");
}

void ledger::closes(const core::effect& what) {
  auto* const one = of(what.slot);
  demand(one != nullptr, "only what exists is closed");
  // A connect that came through although it was cancelled is closed a second time.
  if (one->now == state::closing) return;
  if (one->now == state::connecting) {
    demand(now_ >= one->gives_up_at || !connect_timed_out_, "R13: no connect times out before its time");
    if (!stopping_ && connect_timed_out_) connect_failure(*one, false);
    connect_timed_out_ = false;
  } else {
    const bool voluntary =
        (what.reason == close_reason::unwanted || what.reason == close_reason::expired) && !one->marked;
    demand(what.reason != close_reason::expired || one->worn || may_be_worn(*one),
           "nothing is closed for its age before its time");
    demand(what.reason != close_reason::invalidated || one->outdated,
           "only what was opened before an invalidation is closed for that");
    if (voluntary) ++(members_[one->owner].live ? voluntary_ : trimmed_);
    if (what.reason == close_reason::broken && one->now == state::idle)
      demand(one->claims == one->watched_at,
             "R11: what was claimed since its watch was armed is not known to be broken");
    if (what.reason == close_reason::broken && one->tested) {
      demand(one->test_failed || now_ >= one->test_until, "R11: only what failed its test is broken");
      if (setting_.checked) members_[one->owner].is_suspect = true;
    } else if (what.reason == close_reason::broken &&
               (one->now == state::idle || one->now == state::checking))
      demand(one->looks > 1, "R11: a watch that fires once may report what was read before it was armed");
    const bool is_later = one->up_since > members_[one->owner].failed_at;
    const bool has_failed = what.reason == close_reason::broken || what.reason == close_reason::discarded;
    if (has_failed && was_proved(*one) && is_later) members_[one->owner].failures = 0;
    if (!has_failed) was_of_use(*one);
    if (has_failed && !was_proved(*one)) {
      auto& owner = members_[one->owner];
      owner.held_back = owner.held_back || one->attempt == owner.attempt;  // else it says nothing new
      failed_attempt(*one, false);
    }
    const bool by_choice = what.reason == close_reason::unwanted || what.reason == close_reason::expired;
    demand(one->now != state::claimed || !by_choice || one->marked,
           "R4: a claimed connection is not closed before its release");
  }
  one->now = state::closing;
}

void ledger::is_tested(const core::effect& what) {
  auto* const one = of(what.slot);
  const bool is_check = what.what == core::effect::kind::check;
  if (one && one->held_until && now_ >= *one->held_until) {  // it was put back by this event
    one->held_until.reset();
    becomes_idle(*one);
  }
  demand(one && one->now == state::idle, "only what nobody uses is tested");
  demand(is_check ? setting_.checked : setting_.resets, "nothing is asked that cannot be");
  demand(what.timeout == options_.check_timeout, "a test has its time-out");
  demand(!stopping_, "R15: nothing is tested after stop");
  if (is_check) {
    const auto least =
        std::min(options_.check_interval == no_limit ? no_limit : options_.check_interval / 16 * 7,
                 options_.check_after);
    const bool is_suspect = members_[one->owner].is_suspect;
    demand(is_suspect || now_ - one->well_at >= least, "nothing is checked before its time");
    if (!is_suspect && claims_.empty()) {
      std::uint32_t out = 0;
      for (const auto& other : connections_) out += other.now == state::checking && other.tested;
      demand(out <= (options_.max_connections + options_.max_connecting.per_pool) / 8,
             "A51: few are out to be checked at once");
    }
  }
  one->now = state::checking;
  one->tested = true;
  one->test_failed = false;
  one->test_until = after(now_, options_.check_timeout);
  one->looks = 0;
  one->watched_at = UINT64_MAX;  // what the watch tells may be of the test
}

void ledger::overdue(const core::effect& what) {
  auto* const one = of(what.slot);
  demand(one && one->now == state::claimed, "R17: only a lease that is out is told of");
  demand(now_ - one->claimed_at >= options_.lease_limit, "R17: no lease is told of before the limit");
  demand(!one->is_told_of, "R17: a lease is told of once");
  demand_equal(what.claimed_at.line(), one->noted_line, "R17: a lease is told of with where it was claimed");
  demand(what.where && what.where->key() == owner_of(*one).key, "R17: the backend of a lease is named");
  demand(!stopping_, "R15: nobody looks after a stop");
  one->is_told_of = true;
}

void ledger::dies(const core::effect& what) {
  auto* const one = known(what.where->key());
  owe_plan();
  if (is_sliced_ && woken_ && !(one && one->live)) return;  // and left in the same event
  demand(one && one->live && !one->dead && !stopping_, "R13: only a live backend dies");
  one->dead = true;
}

void ledger::revives(const core::effect& what) {
  auto* const one = known(what.where->key());
  demand(one && one->dead && returned_, "R13: a dead backend returns when its monitor connects");
  one->dead = one->must_be_dead = false;
  owe_plan();
}

std::uint32_t ledger::places() const {
  const bool any_dead =
      std::any_of(members_.begin(), members_.end(), [](const member& one) { return one.dead; });
  return options_.strict_maximum && any_dead && most_ > 1 ? most_ - 1 : most_;
}

void ledger::gathers() {
  if (is_sliced_) {
    places_ = places();
    demand(!plan_out_, "R3: one rebalance at a time");
    plan_out_ = true;
    ++plans_;
    demand(plans_ <= changes_ || is_elastic_, "R3: no rebalance without news");
    return;
  }
  demand(plans_allowed_ > 0 || is_elastic_, "R3: one rebalance a delay, counted from the first news");
  demand(!plan_out_, "R3: one rebalance at a time");
  plan_owed_ = false;
  if (plans_allowed_ > 0) --plans_allowed_;
  plan_out_ = true;
  ++plans_;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    auto& one = members_[i];
    if (!one.known) continue;
    if (news_due_) one.live = one.known = one.announced;
    if (!one.live) one.dead = one.must_be_dead = false;
    one.gathered = 0;
    for (const auto& its : connections_)
      if (its.owner == i && its.now != state::free && its.now != state::closing) ++one.gathered;
  }
  places_ = places();
  news_due_ = false;
}

void ledger::finished(const core::waiter& who) {
  auto& list = who.waits_for == core::waiter::kind::claim   ? claims_
               : who.waits_for == core::waiter::kind::ready ? ready_
                                                            : stops_;
  const auto found =
      std::find_if(list.begin(), list.end(), [&](const waiting& one) { return one.who == &who; });
  demand(found != list.end(), "a wait ends once");
  const auto it = *found;
  const bool is_first = found == list.begin();
  list.erase(found);
  if (who.granted) {
    demand(who.waits_for == core::waiter::kind::claim && !who.error, "a grant is no failure");
    demand(is_first, "R8: waiters are granted in order of arrival");
    demand(!stopping_, "R15: nothing is granted after stop");
    demand(it.fresh || now_ < it.deadline, "R9: a claim fails at its deadline");
    demand(!it.cancelled, "R9: a cancelled claim gets nothing");
    auto* const one = of(id_of(*who.granted));
    demand(one && one->now == state::idle, "a grant is of a connection that nobody has");
    take(*one);
  } else if (who.error == errc::claim_timeout || who.error == errc::wait_timeout) {
    demand(it.deadline <= now_, "R9: no claim fails before its deadline");
    if (who.waits_for == core::waiter::kind::claim) ++timed_out_;
  } else if (who.error == errc::all_dead) {
    demand(who.waits_for == core::waiter::kind::claim, "R13: only claims fail when all are dead");
    refuses_ = true;
    ++refused_;
  } else if (who.error == errc::no_backend) {
    demand(options_.error_on_empty && who.waits_for == core::waiter::kind::claim && was_resolved_,
           "claims fail for want of a backend only if that is asked for");
    finds_nobody_ = true;
    ++refused_;
  } else if (who.error == errc::too_many_waiters) {
    demand(options_.max_waiters && it.fresh && claims_.size() == *options_.max_waiters,
           "the newest claim is refused when as many wait as may");
    ++refused_;
  } else if (who.error == errc::overloaded) {
    demand(options_.target_claim_delay != no_limit && who.waits_for == core::waiter::kind::claim,
           "claims are shed only if that is asked for");
    demand(now_ - it.since >= options_.target_claim_delay,
           "nobody is shed who waited for less than the target");
    ++shed_;
  } else if (who.error == errc::stopped) {
    demand(stopping_, "R15: only a pool that stops says so");
  } else if (who.error) {
    demand(it.cancelled, "a wait ends with a reason");
  } else if (who.waits_for == core::waiter::kind::stop) {
    demand(it.deadline <= now_ || total() == 0, "R15: stop ends with the last connection");
    if (!it.fresh || total() == 0) demand_equal(who.left, total(), "R15: stop says what is left");
  } else {
    demand(who.waits_for == core::waiter::kind::ready, "a claim ends with a connection or a reason");
    ready_ended_ = std::max(ready_ended_, who.wanted);
  }
}

// The rules that hold after every event.

void ledger::check(world& pool) {
  check_slots(pool);
  demand(established() + voluntary_ + aged_ + (is_sliced_ ? trimmed_ : 0) >= ready_ended_,
         "a wait for readiness ends when the pool is ready");
  const auto stats = pool.stats();
  check_stats(stats);
  check_limits(pool.has_work());
  if (!stopping_ && !pool.has_work() && !plan_out_) check_shares(stats);
  check_capacity(stats);
  check_waiters(pool);
  check_dead(pool);
  check_ages(pool);
  check_progress(pool);
  if (applied_ && !is_sliced_) rebalanced(pool);
  was_at_work_ = pool.has_work();
  if (!was_at_work_)
    for (auto& one : members_) one.is_out = !one.live;
  for (auto& one : claims_) {
    if (one.fresh) ++waited_;
    one.fresh = false;
  }
  for (auto* const list : {&ready_, &stops_})
    for (auto& one : *list) one.fresh = false;
}

void ledger::check_slots(world& pool) {
  std::uint32_t seen = 0;
  for (const auto* const slot : pool.slots()) {
    auto* const one = of(id_of(*slot));
    demand(one != nullptr, "R14: the core has a slot that was never opened, or is gone");
    auto now = pool.state_of(*slot);
    one->resting = now == state::resting;
    if (one->resting) {
      demand(setting_.checked && now_ - one->well_at >= options_.check_after,
             "only what has lain idle for long rests");
      now = state::idle;
    }
    if (one->now != now)
      throw rule_broken{"R14: slot " + std::to_string(slot->index) + " is in state " +
                        std::to_string(int(now)) + " in the core, " + std::to_string(int(one->now)) +
                        " in the model"};
    demand(one->claims == slot->claims, "R14: claims are counted in the slot");
    if (slot->worn && !one->worn) demand(may_be_worn(*one), "nothing is past its lifetime before its time");
    demand(!slot->outdated || one->outdated, "only an invalidation makes a connection outdated");
    demand(!one->outdated || pool.has_work() || now == state::closing || one->marked || slot->unwanted ||
               stopping_,
           "what was invalidated goes");
    one->worn = slot->worn;
    if (slot->unwanted && !one->marked && slot->worn) ++aged_;
    if (slot->unwanted && !one->marked && !slot->worn) ++(members_[one->owner].live ? voluntary_ : trimmed_);
    one->marked = slot->unwanted;
    one->just_freed = false;
    demand(!one->marked || now == state::claimed || now == state::checking, "only what is in use is marked");
    const bool may_be_idle = members_[one->owner].live || stopping_ || (is_sliced_ && pool.has_work());
    demand(now != state::idle || may_be_idle,
           "R4: a removed backend's idle connections close at the rebalance, its claimed ones when released");
    ++seen;
  }
  demand_equal(seen, total(), "R14: slots in use");
}

void ledger::check_stats(const pool_stats& stats) const {
  demand_equal(stats.slots.idle, count(state::idle), "R14: idle");
  demand_equal(stats.slots.claimed, count(state::claimed), "R14: claimed");
  demand_equal(stats.slots.checking, count(state::checking), "R14: checking");
  demand_equal(stats.slots.connecting, count(state::connecting), "R14: connecting");
  demand_equal(stats.slots.closing, count(state::closing), "R14: closing");
  demand_equal(stats.counters.opened, opened_, "R14: opened");
  demand_equal(stats.counters.closed, closed_, "R14: closed");
  demand_equal(stats.counters.opened, stats.counters.closed + stats.slots.total(),
               "R14: opened = closed + total");
  demand_equal(stats.counters.connect_failures, connect_failures_, "R14: failed connects");
  demand_equal(stats.counters.broken, broken_, "R14: broken connections");
  std::uint64_t claims = 0;
  for (const auto& one : members_) claims += one.claims_of_gone;
  for (const auto& one : connections_)
    if (one.now != state::free) claims += one.claims;
  demand_equal(stats.counters.claims, claims, "R14: claims");
  demand_equal(stats.waiters, claims_.size(), "R14: waiters");
  demand_equal(stats.timed_out, timed_out_, "R14: claims that timed out");
  demand_equal(stats.cancelled, cancelled_, "R14: claims that were cancelled");
  demand_equal(stats.refused, refused_, "R14: claims that were refused");
  demand_equal(stats.shed, shed_, "R14: claims that were shed");
  demand(stats.resolver.state == resolver_state_, "R14: where the resolver is");
  demand_equal(stats.resolver.runs, run_, "R14: runs of the resolver");
  demand_equal(stats.resolver.failures, resolver_failures_, "R14: failures of the resolver");
  demand_equal(stats.regroups, regroups_, "R6: decoherence moves nothing where there are no preferences");

  slot_counts sum;
  auto row = stats.backends.begin();
  for (std::size_t i = 0; i < members_.size(); ++i) {
    const auto& one = members_[i];
    slot_counts its;
    for (const auto& slot : connections_) {
      if (slot.owner != i) continue;
      its.idle += slot.now == state::idle;
      its.claimed += slot.now == state::claimed;
      its.checking += slot.now == state::checking;
      its.connecting += slot.now == state::connecting;
      its.closing += slot.now == state::closing;
    }
    const bool is_gone = !one.known && its.total() == 0;
    // A stop forgets what came and went inside one rebalance delay; when, is its own business.
    const bool may_be_gone = stopping_ && !one.announced && !one.live && its.total() == 0;
    const bool is_row = row != stats.backends.end() && row->key == one.key && row->slots == its &&
                        row->live == (one.live && !one.dead) && row->dead == one.dead &&
                        row->counters.opened == one.opened;
    // A rebalance that is about to begin may stand before it, and forget it then.
    if (is_gone && !(is_row && one.opened > 0)) continue;
    if (may_be_gone && !is_row) continue;
    demand(is_row, "R14: each backend has its row, in order of announcement");
    demand_equal(row->counters.closed, one.closed, "R14: closed, by backend");
    sum += row->slots;
    ++row;
  }
  demand(row == stats.backends.end(), "R14: no row without a backend");
  demand(sum == stats.slots, "R14: the rows add up to the total");
}

void ledger::check_shares(const pool_stats& stats) const {
  for (const auto& row : stats.backends) {
    if (!row.live || row.slots.connecting == 0) continue;
    std::uint32_t wanted = 0;
    for (const auto& one : connections_)
      wanted += !one.worn && one.now != state::free && one.now != state::closing && !one.marked &&
                members_[one.owner].known && members_[one.owner].key == row.key;
    demand(wanted <= row.planned, "R1: no connect beyond what is missing");
  }
}

void ledger::check_limits(bool is_at_work) const {
  demand(count(state::connecting) <= options_.max_connecting.per_pool,
         "R13: connects in flight, in the pool");
  for (std::size_t i = 0; i < members_.size(); ++i) {
    std::uint32_t its = 0;
    for (const auto& one : connections_) its += one.owner == i && one.now == state::connecting;
    demand(its <= (members_[i].dead ? 1 : options_.max_connecting.per_backend),
           "R13: connects in flight, to one backend");
  }
  const auto monitors = std::count_if(connections_.begin(), connections_.end(), [](const connection& one) {
    return one.now == state::connecting && one.monitor;
  });
  const auto most = options_.strict_maximum ? 1 : std::max(1U, options_.max_connecting.per_pool / 2);
  demand(monitors <= static_cast<std::ptrdiff_t>(most),
         "R13: monitors use at most half of what may be in flight");
  if (options_.strict_maximum)
    demand(total() <= options_.max_connections, "R5: a strict maximum is never exceeded");
  // Between a plan and its coming into force, replacements may be connected already.
  const auto replacements = is_at_work || plan_out_ || plan_failed_ ? options_.max_connecting.per_pool : 0;
  if (!stopping_)
    demand(count(state::idle) <= options_.max_connections + replacements,
           "R4: nothing idle beyond the target");
}

void ledger::check_capacity(const pool_stats& stats) {
  if (stopping_ || voluntary_ == 0) return;
  // A plan that is being put into force may give out less.
  const auto target = !plan_out_    ? target_
                      : is_elastic_ ? std::min(target_, stats.target)
                                    : std::min(target_, places_);
  if (options_.strict_maximum) {
    std::uint32_t marked = 0;
    for (const auto& one : connections_) marked += one.now != state::free && one.marked;
    const auto moving = count(state::closing) + count(state::connecting) + marked;
    demand(moving <= options_.max_connecting.per_pool || established() >= target,
           "R5: a strict pool breaks no more at once than it may connect at once");
  } else {
    demand(established() >= target, "R5: make before break");
  }
}

void ledger::check_waiters(world& pool) const {
  std::uint32_t idle = 0;
  std::uint32_t resting = 0;
  std::uint32_t tested = 0;
  for (const auto& one : connections_) {
    idle += one.now == state::idle && !one.resting;
    resting += one.now == state::idle && one.resting;
    tested += one.now == state::checking && one.tested;
  }
  demand(claims_.empty() || idle == 0, "R8: no idle connection beside a waiter");
  if (!stopping_)
    demand(resting == 0 || tested >= claims_.size(), "R8: as many of those that rest are checked as wait");
  const bool all_done = is_sliced_ ? pool.next_wake() > now_ : !pool.has_work();
  for (const auto* const list : {&claims_, &ready_, &stops_})
    for (const auto& one : *list) {
      demand(!one.cancelled, "a cancelled wait ends at once");
      if (woken_ && all_done) demand(one.deadline > now_, "R9: a claim fails at its deadline");
      if (!pool.has_work()) demand(!stopping_ || list == &stops_, "R15: stop fails every waiter");
      if (list == &ready_ && !stopping_)
        demand(established() < one.who->wanted, "a wait for readiness ends when the pool is ready");
      const bool is_shed = list == &claims_ && options_.target_claim_delay != no_limit;
      if (is_shed && woken_ && all_done)
        demand(now_ - one.since < 10 * options_.target_claim_delay,
               "nobody waits for longer than ten targets");
      if (one.deadline != never_comes && !is_shed)
        demand(pool.next_wake() <= one.deadline, "R9: the core asks to be woken at every deadline");
    }
  if (stopping_) {
    demand((pool.state() == pool_state::stopped) == (total() == 0), "R15: stopped when the last one is gone");
    if (total() == 0) demand(stops_.empty(), "R15: stop ends with the last connection");
  }
}

bool ledger::refuses_empty() const {
  const bool any = std::any_of(members_.begin(), members_.end(),
                               [](const member& one) { return one.known && (one.announced || one.live); });
  return options_.error_on_empty && was_resolved_ && !any;
}

void ledger::check_dead(world& pool) const {
  demand(!finds_nobody_ || refuses_empty(), "claims fail for want of a backend only if there is none");
  if (!stopping_ && !pool.has_work())
    demand(!refuses_empty() || claims_.empty(), "without a backend claims fail, if that is asked for");
  if (options_.max_waiters) demand(claims_.size() <= *options_.max_waiters, "no more wait than may");
  demand(!refuses_ || all_dead(), "R13: claims fail only when every known backend is dead and nothing is up");
  if (stopping_) return;
  for (const auto& one : members_)
    demand(one.dead || !one.must_be_dead || !one.live, "R13: a backend whose retries are used up is dead");
  if (pool.has_work()) return;
  demand((pool.state() == pool_state::failed) == all_dead(),
         "R13: the pool has failed while every known backend is dead, and nothing is up");
  demand(!all_dead() || claims_.empty(), "R13: when all are dead, claims fail at once");
}

bool ledger::is_past_least_life(const connection& one) const {
  const auto& whole = options_.max_lifetime;
  return whole != no_limit &&
         now_ - one.up_since >= whole -
                                    duration{static_cast<duration::rep>(static_cast<double>(whole.count()) *
                                                                        options_.lifetime_spread)} -
                                    duration{1};
}

bool ledger::may_be_worn(const connection& one) const {
  return one.outdated || is_past_least_life(one) || now_ - one.unused_since >= options_.max_idle;
}

void ledger::check_ages(world& pool) const {
  const auto& whole = options_.max_lifetime;
  // A look in slices may take as long as the outside likes.
  if (whole == no_limit || stopping_ || !woken_ || pool.has_work() || is_sliced_) return;
  for (const auto& one : connections_)
    demand(!is_up(one.now) || one.worn || one.marked || now_ - one.up_since <= whole + whole / 100,
           "what is past its lifetime is found out within a hundredth of that");
}

void ledger::check_progress(world& pool) {
  if (stopping_) {
    if (!pool.has_work() && stops_.empty())
      demand(pool.next_wake() == never_comes, "R15: no timer is armed after stop");
    return;
  }
  if (woken_ && !pool.has_work())
    demand(!plan_owed_ || plan_out_, "R3: a rebalance that is due is not forgotten");
  if (woken_ && !pool.has_work() && !plan_out_) plans_allowed_ = 0;
  if (is_sliced_ && !plan_out_ && membership_differs())
    demand(pool.next_wake() <= after(last_change_, options_.rebalance_delay),
           "R3: a rebalance that is due is not forgotten");
  if (rebalance_due_)
    demand(pool.next_wake() <= *rebalance_due_, "R3: the rebalance is counted from the first news");
  if (!any_announced() || !started_) return;
  std::uint32_t there = 0;
  bool marked = false;
  for (const auto& one : connections_) {
    const bool counts = one.now != state::free && one.now != state::closing;
    there += counts && !one.marked;
    marked = marked || (counts && one.marked);
  }
  if (there >= (is_elastic_ ? std::min(target_, *options_.spares) : most_)) return;
  const bool strict_waits = options_.strict_maximum && (marked || count(state::closing) > 0);
  demand(count(state::connecting) > 0 || pool.next_wake() != never_comes || plan_out_ || strict_waits,
         "R10: below target, a connect is in flight or a timer armed");
}

void ledger::rebalanced(world& pool) {
  std::vector<backend_load> loads;
  plan counts;
  const auto stats = pool.stats();
  std::size_t rows = 0;
  for (const auto& one : members_) {
    if (!one.live || one.dead) continue;
    while (rows < stats.backends.size() &&
           !(stats.backends[rows].live && stats.backends[rows].key == one.key))
      ++rows;
    demand(rows < stats.backends.size(), "R14: a live backend has a row");
    // Weight, priority and preference may have changed since; then another rebalance is due anyway.
    loads.push_back(load_of(pool, one.what, one.gathered));
    counts.push_back(stats.backends[rows].planned);
  }
  // What is past its lifetime, in use and so on its way out when the plan was asked for may be gone by now.
  const bool ages = options_.max_lifetime != no_limit || options_.max_idle != no_limit;
  if (loads.size() > 5 || rebalance_due_ || plan_owed_ || ages || has_invalidated_) return;
  if (loads.empty()) return;
  if (!policies_.lawful) {
    least_churn_ += churn(loads, counts);
    return;
  }
  demand(policies_.lawful(loads, target_, counts), "R1: the plan is lawful");
  const auto least = laws::least_churn(policies_.lawful, loads, target_);
  demand_equal(churn(loads, counts), least.value_or(UINT32_MAX), "R2: a plan has the least churn");
  least_churn_ += *least;
}

void ledger::check_quiet(world& pool) const {
  const auto stats = pool.stats();
  demand(!change_is_pending(), "R3: a rebalance ends");
  const auto whole = is_elastic_ ? std::min(places(), *options_.spares) : places();
  demand_equal(stats.target, any_live() ? whole : 0, "R1: the target");
  demand_equal(stats.slots.total(), stats.target, "R1: quiet, the pool is whole");
  demand_equal(stats.slots.idle, stats.target, "R1: quiet, every connection is idle");
  std::vector<backend_load> loads;
  plan counts;
  for (const auto& row : stats.backends) {
    // A strict pool of one connection has no place for a monitor.
    if (row.dead && options_.strict_maximum && options_.max_connections == 1) continue;
    demand(row.live, "R14: a backend that is gone has no row; one that accepts is not dead");
    demand_equal(row.slots.total(), row.planned, "R1: every live backend has what the plan gives it");
    loads.push_back(load_of(pool, row.where, row.slots.total()));
    counts.push_back(row.slots.total());
  }
  if (!loads.empty() && policies_.lawful)
    demand(policies_.lawful(loads, stats.target, counts), "R1: lawful shares");
}

// Small things.

backend_load ledger::load_of(const world& pool, const backend& what, std::uint32_t present) {
  const auto key = what.key();
  return {.present = present,
          .weight = what.weight,
          .priority = what.priority,
          .preference = pool.preference_of(key),
          .identity = identity_of(key)};
}

ledger::connection* ledger::of(core::slot_id id) {
  if (id.index >= connections_.size()) return nullptr;
  auto& one = connections_[id.index];
  return one.now != state::free && one.id == id ? &one : nullptr;
}

const ledger::connection* ledger::find(core::slot_id id) const {
  return const_cast<ledger*>(this)->of(id);
}

ledger::member* ledger::known(const std::string& key) {
  for (auto& one : members_)
    if (one.known && one.key == key) return &one;
  return nullptr;
}

void ledger::connect_failure(const connection& one, bool permanent) {
  auto& owner = members_[one.owner];
  for (const auto& other : connections_)
    if (other.owner == one.owner && other.now != state::free && other.up_since > owner.failed_at &&
        was_proved(other))
      owner.failures = 0;
  // Overtaken by a success, it says nothing.
  if (one.successes == owner.successes) failed_attempt(one, permanent);
}

void ledger::was_of_use(const connection& one) {
  auto& owner = members_[one.owner];
  if (one.claims > 0 && one.up_since > owner.failed_at) owner.failures = 0;
}

void ledger::failed_attempt(const connection& one, bool permanent) {
  auto& owner = members_[one.owner];
  // Those that were in flight together count once; but what is permanent is so in any case.
  if (stopping_ || (one.attempt != owner.attempt && (!permanent || owner.dead))) return;
  ++owner.attempt;
  ++owner.failures;
  owner.failed_at = now_;
  const auto& how = recovery_of(owner);
  owner.must_be_dead = owner.live && (owner.must_be_dead || permanent || owner.failures >= how.retries);
  auto delay = owner.must_be_dead ? how.max_delay : how.delay;
  for (auto i = owner.failures; i > 1 && delay < how.max_delay; --i)
    delay = std::min(2 * delay, how.max_delay);
  owner.not_before =
      now_ + duration{static_cast<duration::rep>(static_cast<double>(delay.count()) * (1.0 - how.spread))};
}

bool ledger::was_proved(const connection& one) const {
  const auto released = one.claims - (one.now == state::claimed ? 1 : 0);
  return released > 0 || now_ >= after(one.up_since, options_.recovery.stable_after);
}

void ledger::becomes_idle(connection& one) {
  one.now = state::idle;
  one.rank = next_rank_++;
}

void ledger::take(connection& one) {
  const auto& owner = members_[one.owner];
  // The wake that begins a rebalance may have handed it out before that.
  demand(owner.live || one.just_freed || (is_sliced_ && !owner.is_out),
         "R4: nothing of a removed backend is handed out");
  demand(!one.marked, "nothing unwanted is handed out");
  demand(!one.outdated, "nothing that was invalidated is handed out");
  demand(!setting_.resets || one.is_reset, "nothing is handed out that was not reset since it was claimed");
  one.is_reset = false;
  const bool is_fifo = policies_.order == queue_order::first_in_first_out;
  const bool is_lifo = policies_.order == queue_order::last_in_first_out;
  // What was held may have gone to a waiter at once, and others into the idle set behind it.
  const bool has_no_order = one.just_freed || one.resting || (is_sliced_ && was_at_work_);
  if ((is_fifo || is_lifo) && one.rank != 0 && !has_no_order)
    for (const auto& other : connections_) {
      if (&other == &one || other.now != state::idle || other.resting || other.outdated) continue;
      if (is_fifo)
        demand(one.rank < other.rank, "R7: fifo hands out in the order of return");
      else
        demand(one.rank > other.rank, "lifo hands out what came back last");
    }
  if (one.rank == 0 && is_lifo && !has_no_order)
    for (const auto& other : connections_)
      demand(other.now != state::idle || other.resting || other.outdated || other.rank == 0,
             "lifo hands out what came back last");
  one.now = state::claimed;
  one.claimed_at = now_;
  one.noted_line = 0;
  one.is_told_of = false;
  ++one.claims;
}

void ledger::forget(connection& one) {
  auto& owner = members_[one.owner];
  owner.claims_of_gone += one.claims;
  ++owner.closed;
  ++closed_;
  one.now = state::free;
  one.marked = one.worn = one.tested = one.resting = one.outdated = false;
}

std::uint32_t ledger::count(state which) const {
  return static_cast<std::uint32_t>(std::count_if(connections_.begin(), connections_.end(),
                                                  [&](const connection& one) { return one.now == which; }));
}

std::uint32_t ledger::total() const {
  return static_cast<std::uint32_t>(connections_.size()) - count(state::free);
}

std::uint32_t ledger::established() const {
  return static_cast<std::uint32_t>(
      std::count_if(connections_.begin(), connections_.end(),
                    [](const connection& one) { return is_up(one.now) && !one.marked; }));
}

bool ledger::any_live() const {
  return std::any_of(members_.begin(), members_.end(),
                     [](const member& one) { return one.live && !one.dead; });
}

bool ledger::all_dead() const {
  const bool any = std::any_of(members_.begin(), members_.end(), [](const member& one) { return one.dead; });
  return any && !any_live() && established() == 0;
}

bool ledger::any_announced() const {
  return std::any_of(members_.begin(), members_.end(),
                     [](const member& one) { return one.known && one.announced; });
}

std::uint32_t ledger::held_by(std::size_t owner) const {
  return static_cast<std::uint32_t>(
      std::count_if(connections_.begin(), connections_.end(),
                    [&](const connection& one) { return one.owner == owner && one.now != state::free; }));
}

}  // namespace cueball::laws
