// SPDX-License-Identifier: BSL-1.0
/// \file
/// The pool without its sockets: events in, effects out. The only place where the pool decides anything.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <cueball/backend.hpp>
#include <cueball/core/backend_record.hpp>
#include <cueball/core/backoff.hpp>
#include <cueball/core/deadlines.hpp>
#include <cueball/core/effect.hpp>
#include <cueball/core/front.hpp>
#include <cueball/core/rebalance_job.hpp>
#include <cueball/core/registry.hpp>
#include <cueball/core/slot.hpp>
#include <cueball/core/waiter.hpp>
#include <cueball/observer_policy.hpp>
#include <cueball/pool_options.hpp>
#include <cueball/pool_stats.hpp>
#include <cueball/rebalance_policy.hpp>

namespace cueball::core {

/// How a lease ended.
enum class verdict : std::uint8_t { good, broken, discarded };

/// Reads no clock, opens no socket, starts no thread, calls no user code but policies: the time of each event
/// is an argument, randomness comes from the seed. `try_take` and `try_put` are called under the fast mutex,
/// `make_plan` under none, all else (the book) under the mutex.
///
/// After an event the caller performs `take_effects()` in order and delivers `take_finished()`; it calls
/// `wake` when `next_wake()` has come. An event does a bounded slice of work: while there is more,
/// `next_wake()` has come already.
///
/// \tparam Policies a `policy_set`.
/// \tparam Payload what the caller keeps beside each slot.
template <class Policies, class Payload>
class pool_core {
 public:
  using slot_type = slot<Payload>;
  using observer_type = typename Policies::observer;

  static constexpr std::uint32_t usual_slice = 128;

  /// \param watched whether `open` arms the close-watch of what it connects.
  /// \param slice how many slots, backends or waiters one event deals with at the most.
  pool_core(const pool_options& options, const typename Policies::queue& queue,
            const typename Policies::rebalance& rebalance, const typename Policies::decoherence& decoherence,
            bool watched, std::uint64_t seed, std::uint32_t slice = usual_slice)
      : options_(options),
        rebalance_(rebalance),
        decoherence_(decoherence),
        watched_(watched && options.watch_delay != no_limit),
        slice_(slice),
        random_(seed),
        job_(random_()),
        // Beyond the target the idle set may hold replacements, of which no more connect at once than this.
        front_(queue, std::size_t{options.max_connections} + options.max_connecting.per_pool,
               random_source{random_()}) {}

  pool_core(const pool_core&) = delete;
  pool_core& operator=(const pool_core&) = delete;

  // The front.

  /// An idle slot, now claimed; null if the book has to be asked.
  slot_type* try_take() noexcept { return down(front_.try_take()); }

  /// Makes a claimed slot idle; false if the book has to be told (`release`).
  bool try_put(slot_base& slot) noexcept { return front_.try_put(slot); }

  // Life.

  void start(time_point now) {
    if (state_ != pool_state::starting || started_) return;
    started_ = true;
    front_.shut(gate::not_running, false);
    effects_.push_back({.what = effect::kind::run_resolver});
    plan_decoherence(now);
  }

  /// Fails every waiter, cancels connects, closes what is idle; what is claimed closes when it is released.
  /// Does nothing a second time.
  void request_stop() noexcept {
    if (is_stopping()) return;
    front_.shut(gate::not_running, true);
    timers_.cancel(rebalance_timer_);
    timers_.cancel(decoherence_timer_);
    timers_.cancel(resolver_timer_);
    timers_.cancel(sweep_.timer);
    effects_.push_back({.what = effect::kind::stop_resolver});
    job_.end();
    at_record_ = registry_.records().front();
    enter(pool_state::stopping);
    check_stopped();
  }

  pool_state state() const noexcept { return state_; }
  bool is_stopping() const noexcept {
    return state_ == pool_state::stopping || state_ == pool_state::stopped;
  }

  // Claims.

  /// Grants a slot at once, or keeps `claimer` until one is free, `deadline` has come, or the pool stops.
  void claim(waiter& claimer, time_point deadline, time_point now) {
    claimer.waits_for = waiter::kind::claim;
    if (is_stopping()) return finish(claimer, errc::stopped);
    if (claims_.empty())
      if (auto* const slot = front_.take()) return grant(claimer, *slot);
    if (deadline <= now) {
      ++timed_out_;
      return finish(claimer, errc::claim_timeout);
    }
    enlist(claims_, claimer, deadline);
    ++waited_;
    front_.shut(gate::waiters, true);
  }

  /// `try_take` past the gate: never overtakes a waiter. Null, and why, if there is none.
  slot_type* try_claim(error_code& why) noexcept {
    why = {};
    if (is_stopping())
      why = errc::stopped;
    else if (auto* const slot = claims_.empty() ? front_.take() : nullptr)
      return down(slot);
    else
      why = errc::none_idle;
    return nullptr;
  }

  /// Ends a wait with `why`; does nothing if it has ended.
  void cancel(waiter& waiting, error_code why) noexcept {
    if (waiting.now != waiter::state::waiting) return;
    if (waiting.waits_for == waiter::kind::claim) ++cancelled_;
    delist(waiting);
    finish(waiting, why);
  }

  /// A lease ended.
  void release(slot_base& slot, verdict how, time_point now) {
    auto& record = *slot.owner;
    if (how == verdict::broken) {
      note_broken(slot, now);
      close(slot, close_reason::broken);
    } else if (how == verdict::discarded) {
      close(slot, close_reason::discarded);
    } else if (is_stopping()) {
      close(slot, close_reason::stopped);
    } else if (slot.unwanted) {
      close(slot, close_reason::unwanted);
    } else {
      return settle(slot, now);
    }
    review(record);
    pump(now);
  }

  /// A lease ended, and its connection is gone from the pool already.
  void gone(slot_base& slot, close_reason reason, time_point now) {
    tell(effect::kind::tell_closed, slot, reason);
    forget(slot);
    pump(now);
  }

  /// Takes an idle slot to be closed by the caller, who then says `closed`; null if there is none. For the
  /// end of a pool, when nobody may be there to perform effects.
  slot_type* take_to_close() {
    auto* const slot = front_.take();
    if (!slot) return nullptr;
    --slot->claims;
    unwant(*slot);
    slot->state = slot_state::closing;
    ++closing_;
    tell(effect::kind::tell_closed, *slot, close_reason::stopped);
    return down(slot);
  }

  // Waiting for the pool.

  /// Until `count` connections are up; so many have to be possible.
  void wait_ready(waiter& waiting, std::uint32_t count, time_point deadline, time_point now) {
    waiting.waits_for = waiter::kind::ready;
    waiting.wanted = count;
    if (count < 1 || count > options_.max_connections) return finish(waiting, errc::bad_argument);
    if (is_stopping()) return finish(waiting, errc::stopped);
    if (up() >= count) return finish(waiting, {});
    if (deadline <= now) return finish(waiting, errc::wait_timeout);
    enlist(ready_waiters_, waiting, deadline);
  }

  /// Until every connection is gone; call `request_stop` first.
  void wait_stopped(waiter& waiting, time_point deadline, time_point now) {
    waiting.waits_for = waiter::kind::stop;
    if (state_ == pool_state::stopped || deadline <= now) {
      waiting.left = total_;
      return finish(waiting, {});
    }
    enlist(stop_waiters_, waiting, deadline);
  }

  /// Ends the waits for the end: who waits is told how many connections are left.
  void end_stop_waits() noexcept {
    while (auto* const who = stop_waiters_.front()) expire(*who);
  }

  // The resolver.

  /// A run of the resolver begins: by its `round_done` it will have named every backend.
  void resolver_started() noexcept { ++run_; }

  /// The run is over; the backends stay. It is run again after a delay that grows until a round was done.
  void resolver_ended(error_code error, std::string text, time_point now) {
    if (is_stopping()) return;
    resolver_failed(error, std::move(text));
    ++resolver_failures_;
    timers_.cancel(resolver_timer_);
    resolver_timer_ =
        timers_.schedule(after(now, backoff_delay(options_.recovery.connect, resolver_failures_, random_)),
                         {alarm::kind::resolver, nullptr, nullptr, {}});
  }

  void backend_added(const backend& where, time_point now) {
    if (is_stopping()) return;
    if (auto problem = problem_with(where); !problem.empty())
      return resolver_failed(errc::bad_backend, std::move(problem));
    if (auto* const known = registry_.find(where.key())) {
      known->seen_in_run = run_;
      if (!known->announced) {
        known->announced = true;
        tell(effect::kind::tell_backend_added, known->what);
        note_change(now);
      }
      if (*known->what != where) describe(*known, where, now);
      return;
    }
    auto& record = registry_.add(where);
    record.seen_in_run = run_;
    tell(effect::kind::tell_backend_added, record.what);
    note_change(now);
  }

  /// Weight, priority or attributes are new; the connections stay.
  void backend_changed(const backend& where, time_point now) {
    if (is_stopping()) return;
    auto* const known = registry_.find(where.key());
    if (!known || !known->announced) return resolver_failed(errc::unknown_backend, "changed: " + where.key());
    if (*known->what != where) describe(*known, where, now);
  }

  void backend_removed(const std::string& key, time_point now) {
    if (is_stopping()) return;
    auto* const known = registry_.find(key);
    if (!known || !known->announced) return resolver_failed(errc::unknown_backend, "removed: " + key);
    withdraw(*known, now);
  }

  /// Withdraws what this run of the resolver did not name.
  void round_done(time_point now) {
    if (is_stopping()) return;
    resolver_failures_ = 0;
    for (auto* record = registry_.records().front(); record; record = record_list::next(*record))
      if (record->announced && record->seen_in_run != run_) withdraw(*record, now);
  }

  /// Changes no backend.
  void resolver_failed(error_code error, std::string text) {
    tell({.what = effect::kind::tell_resolver_failed, .error = error, .text = std::move(text)});
  }

  // Connections.

  void connected(slot_id id, time_point now) {
    auto* const slot = slots_.find(id);
    if (!slot) return;
    if (slot->state == slot_state::closing)
      return effects_.push_back({.what = effect::kind::close, .slot = id});
    if (slot->state != slot_state::connecting) return;
    auto& record = *slot->owner;
    timers_.cancel(slot->timer);
    if (!record.held_back) timers_.cancel(record.retry_timer);
    ++record.successes;
    --record.connecting;
    --connecting_;
    slot->up_since = now;
    slot->watched = watched_;
    if (state_ == pool_state::starting) enter(pool_state::running);
    tell(effect::kind::tell_connected, record.what);
    if (is_stopping() || !record.live) {
      close(*slot, is_stopping() ? close_reason::stopped : close_reason::unwanted);
    } else {
      settle(*slot, now);
      tell_ready();
    }
    review(record);
    pump(now);
  }

  /// The connect is over and its connection destroyed.
  void connect_failed(slot_id id, error_code error, std::string text, time_point now) {
    auto* const slot = slots_.find(id);
    if (!slot) return;
    if (slot->state == slot_state::closing) return closed(id, now);
    if (slot->state != slot_state::connecting) return;
    note_connect_failure(*slot, error, std::move(text), now);
    forget(*slot);
    pump(now);
  }

  /// The connection is destroyed.
  void closed(slot_id id, time_point now) {
    auto* const slot = slots_.find(id);
    if (!slot || slot->state != slot_state::closing) return;
    forget(*slot);
    pump(now);
  }

  /// The close-watch is armed.
  void watched(slot_id id, time_point now) {
    auto* const slot = slots_.find(id);
    if (!slot || slot->state != slot_state::checking) return;
    --checking_;
    slot->watched = true;
    slot->watched_at_claims = slot->claims;
    if (!slot->unwanted && !is_stopping()) return settle(*slot, now);
    auto& record = *slot->owner;
    close(*slot, is_stopping() ? close_reason::stopped : close_reason::unwanted);
    review(record);
    pump(now);
  }

  /// Something happened on a connection that was watched while it lay idle. If it was claimed since, that
  /// says nothing (it may have been the answer to the claimer's request), and it is watched afresh.
  void watch_fired(slot_id id, time_point now) {
    auto* const slot = slots_.find(id);
    if (!slot || !slot->watched) return;
    slot->watched = false;
    if (slot->state == slot_state::idle && slot->claims == slot->watched_at_claims) {
      auto& record = *slot->owner;
      note_broken(*slot, now);
      close(*slot, close_reason::broken);
      review(record);
      pump(now);
    } else if (slot->state == slot_state::idle) {
      check(*slot);
    } else if (slot->state == slot_state::claimed) {
      plan_sweep(now);
    }
  }

  // Time.

  /// Does what was due by `now`, or a slice of it.
  void wake(time_point now) {
    auto steps = slice_;
    while (steps > 0) {
      const auto due = timers_.pop_due(now);
      if (!due) break;
      --steps;
      fire(*due, now);
    }
    if (is_stopping()) return stop_on(steps);
    if (sweep_.running) sweep_on(steps, now);
    if (shuffling_) shuffle_on(steps);
    if (!job_.is(stage::none)) rebalance_on(steps);
    pump(now);
  }

  /// When to call `wake`: in the past if there is work now.
  time_point next_wake() noexcept { return has_work() ? time_point::min() : timers_.next(); }

  /// More to do at once, in further slices.
  bool has_work() const noexcept {
    if (is_stopping())
      return at_record_ || stop_at_ < slots_.size() || !claims_.empty() || !ready_waiters_.empty();
    return (sweep_.running && checking_ <= front_.idle() / 8) || shuffling_ || must_trim() ||
           (!job_.is(stage::none) && !job_.is(stage::plan));
  }

  // The plan.

  /// Performs the effect `plan`: works on what was gathered, touches nothing else.
  void make_plan() { job_.make_plan(rebalance_, options_.max_connections); }

  /// The plan was made.
  void planned() noexcept {
    if (job_.is(stage::plan)) job_.planned();
  }

  /// `make_plan` threw: the old plan stays, and it is asked again after a rebalance delay.
  void plan_failed(error_code error, std::string text, time_point now) {
    if (!job_.is(stage::plan)) return;
    tell({.what = effect::kind::tell_plan_failed, .error = error, .text = std::move(text)});
    job_.end();
    note_change(now);
  }

  // What came of it.

  /// Effects in the order of the decisions. Swaps with `into`, which must be empty.
  void take_effects(std::vector<effect>& into) noexcept { effects_.swap(into); }
  bool has_effects() const noexcept { return !effects_.empty(); }

  /// Waiters whose wait ended, in order; linked through `waiter::link.next`.
  waiter* take_finished() noexcept { return std::exchange(finished_, finished_last_ = nullptr); }

  slot_type* find(slot_id id) noexcept { return slots_.find(id); }

  /// Calls `visit(slot)` for each slot that is not free.
  template <class Visitor>
  void each_slot(Visitor visit) {
    for (std::uint32_t i = 0; i < slots_.size(); ++i)
      if (slots_[i].state != slot_state::free) visit(slots_[i]);
  }

  pool_stats stats() const {
    pool_stats all;
    all.state = state_;
    all.target = target_;
    all.waiters = claims_.size();
    all.counters = registry_.past();
    all.waited = waited_;
    all.timed_out = timed_out_;
    all.cancelled = cancelled_;
    all.rebalances = rebalances_;
    all.shuffles = shuffles_;
    all.backends.reserve(registry_.records().size());
    for (auto* record = registry_.records().front(); record; record = record_list::next(*record)) {
      auto& row = all.backends.emplace_back();
      row.where = *record->what;
      row.key = record->key;
      row.live = record->live;
      row.planned = record->planned;
      row.counters = record->counters;
      row.last_error = record->last_error;
      row.last_error_text = record->last_error_text;
      for (auto* slot = record->slots.front(); slot; slot = slot_list::next(*slot)) {
        ++count_of(row.slots, slot->state);
        row.counters.claims += slot->claims;
      }
      add(all.slots, row.slots);
      registry::add_up(all.counters, row.counters);
    }
    return all;
  }

 private:
  using front_type = front<typename Policies::queue, typename Policies::threading>;
  using gate = front_type;
  using stage = rebalance_job::stage;
  using slot_list = list<slot_base, &slot_base::of_backend>;
  using need_list = list<backend_record, &backend_record::in_need>;
  using excess_list = list<backend_record, &backend_record::in_excess>;
  using doom_list = list<backend_record, &backend_record::in_doom>;

  /// The most slots that a measurement of coherence looks at.
  static constexpr std::uint32_t measured_slots = 128;

  /// What happens at a deadline.
  struct alarm {
    enum class kind : std::uint8_t { waiter, connect, retry, rebalance, decohere, sweep, resolver };
    kind what{};
    core::waiter* who = nullptr;
    backend_record* record = nullptr;
    slot_id slot{};
  };

  static slot_type* down(slot_base* slot) noexcept { return static_cast<slot_type*>(slot); }

  static std::uint32_t& count_of(slot_counts& counts, slot_state state) noexcept {
    switch (state) {
      case slot_state::connecting:
        return counts.connecting;
      case slot_state::idle:
        return counts.idle;
      case slot_state::claimed:
        return counts.claimed;
      case slot_state::checking:
        return counts.checking;
      default:
        return counts.closing;
    }
  }

  static void add(slot_counts& sum, const slot_counts& row) noexcept {
    sum.idle += row.idle;
    sum.claimed += row.claimed;
    sum.checking += row.checking;
    sum.connecting += row.connecting;
    sum.closing += row.closing;
  }

  // Telling.

  void tell(effect what) {
    if constexpr (!ignores_everything<observer_type>) effects_.push_back(std::move(what));
  }

  void tell(effect::kind what, const std::shared_ptr<const backend>& where) {
    if constexpr (!ignores_everything<observer_type>) effects_.push_back({.what = what, .where = where});
  }

  void tell(effect::kind what, const slot_base& slot, close_reason reason) {
    if constexpr (!ignores_everything<observer_type>)
      effects_.push_back({.what = what, .where = slot.owner->what, .reason = reason});
  }

  void enter(pool_state state) {
    state_ = state;
    tell({.what = effect::kind::tell_state_changed, .state = state});
  }

  // Waiters.

  void enlist(waiter_list& where, waiter& who, time_point deadline) {
    who.deadline = deadline;
    if (deadline != never_comes)
      who.timer = timers_.schedule(deadline, {alarm::kind::waiter, &who, nullptr, {}});
    who.now = waiter::state::waiting;
    where.push_back(who);
  }

  void delist(waiter& who) noexcept {
    timers_.cancel(who.timer);
    list_of(who).erase(who);
    if (claims_.empty()) front_.shut(gate::waiters, false);
  }

  waiter_list& list_of(const waiter& who) noexcept {
    switch (who.waits_for) {
      case waiter::kind::claim:
        return claims_;
      case waiter::kind::ready:
        return ready_waiters_;
      default:
        return stop_waiters_;
    }
  }

  void finish(waiter& who, error_code error) noexcept {
    who.error = error;
    who.now = waiter::state::finished;
    who.link = {};
    (finished_last_ ? finished_last_->link.next : finished_) = &who;
    finished_last_ = &who;
  }

  void grant(waiter& who, slot_base& slot) noexcept {
    who.granted = &slot;
    finish(who, {});
  }

  void expire(waiter& who) noexcept {
    delist(who);
    if (who.waits_for == waiter::kind::stop) who.left = total_;
    if (who.waits_for == waiter::kind::claim) ++timed_out_;
    finish(who, who.waits_for == waiter::kind::claim   ? make_error_code(errc::claim_timeout)
                : who.waits_for == waiter::kind::ready ? make_error_code(errc::wait_timeout)
                                                       : error_code{});
  }

  void tell_ready() noexcept {
    for (auto* who = ready_waiters_.front(); who;) {
      auto* const next = waiter_list::next(*who);
      if (up() >= who->wanted) {
        delist(*who);
        finish(*who, {});
      }
      who = next;
    }
  }

  /// A slot that nobody uses goes to the oldest waiter whose deadline has not come, or into the idle set.
  void settle(slot_base& slot, time_point now) noexcept {
    while (auto* const who = claims_.front()) {
      if (who->deadline <= now) {
        expire(*who);
        continue;
      }
      delist(*who);
      slot.state = slot_state::claimed;
      ++slot.claims;
      return grant(*who, slot);
    }
    front_.put(slot);
  }

  // Slots.

  /// Connections that are up and wanted.
  std::uint32_t up() const noexcept { return wanted_ - connecting_; }

  void open(backend_record& record, time_point now) {
    auto& slot = slots_.acquire();
    slot.state = slot_state::connecting;
    slot.owner = &record;
    slot.backend = record.number;
    slot.attempt = record.attempt;
    slot.successes = record.successes;
    record.slots.push_back(slot);
    ++record.wanted;
    ++record.connecting;
    ++record.counters.opened;
    ++wanted_;
    ++connecting_;
    ++total_;
    slot.timer = timers_.schedule(after(now, options_.recovery.connect.timeout),
                                  {alarm::kind::connect, nullptr, nullptr, id_of(slot)});
    effects_.push_back({.what = effect::kind::open, .slot = id_of(slot), .where = record.what});
  }

  /// The slot no longer counts towards the plan.
  void unwant(slot_base& slot) noexcept {
    auto& record = *slot.owner;
    if (slot.state == slot_state::connecting) {
      --record.connecting;
      --connecting_;
      timers_.cancel(slot.timer);
    }
    if (slot.unwanted) {
      slot.unwanted = false;
      --record.unwanted;
      --unwanted_;
    } else {
      --record.wanted;
      --wanted_;
    }
  }

  void close(slot_base& slot, close_reason reason) {
    if (slot.state == slot_state::idle) front_.remove(slot);
    unwant(slot);
    slot.state = slot_state::closing;
    ++closing_;
    effects_.push_back({.what = effect::kind::close, .slot = id_of(slot), .reason = reason});
    tell(effect::kind::tell_closed, slot, reason);
  }

  /// Marks a slot that somebody uses; it is closed after that.
  void mark(slot_base& slot) noexcept {
    slot.unwanted = true;
    ++slot.owner->unwanted;
    ++unwanted_;
    --slot.owner->wanted;
    --wanted_;
  }

  /// The slot has to go: now if nobody uses it, else afterwards.
  void retire(slot_base& slot, close_reason reason) {
    if (slot.state == slot_state::claimed || slot.state == slot_state::checking)
      mark(slot);
    else
      close(slot, slot.state == slot_state::connecting ? close_reason::cancelled : reason);
  }

  /// The connection is gone: the slot becomes free.
  void forget(slot_base& slot) {
    auto& record = *slot.owner;
    if (slot.state == slot_state::closing) {
      --closing_;
    } else {
      unwant(slot);
    }
    ++record.counters.closed;
    record.counters.claims += slot.claims;
    record.slots.erase(slot);
    slots_.release(slot);
    --total_;
    review(record);
    forget_if_gone(record);
    check_stopped();
  }

  void check(slot_base& slot) {
    front_.remove(slot);
    slot.state = slot_state::checking;
    ++checking_;
    effects_.push_back({.what = effect::kind::watch, .slot = id_of(slot)});
  }

  // Recovery.

  /// Was it of use: released once, or up for long enough?
  bool was_proved(const slot_base& slot, time_point now) const noexcept {
    return slot.claims > 1 || (slot.claims == 1 && slot.state != slot_state::claimed) ||
           now >= after(slot.up_since, options_.recovery.connect.stable_after);
  }

  void note_broken(slot_base& slot, time_point now) {
    auto& record = *slot.owner;
    ++record.counters.broken;
    record.last_error = errc::connection_broken;
    record.last_error_text.clear();
    if (was_proved(slot, now)) {
      record.failures = 0;
    } else if (slot.attempt == record.attempt) {
      hold_back(record, now);
      record.held_back = true;
    }
  }

  void note_connect_failure(slot_base& slot, error_code error, std::string text, time_point now) {
    auto& record = *slot.owner;
    ++record.counters.connect_failures;
    record.last_error = error;
    tell({.what = effect::kind::tell_connect_failed, .where = record.what, .error = error, .text = text});
    record.last_error_text = std::move(text);
    for (auto* other = record.slots.front(); other; other = slot_list::next(*other))
      if (other->up_since > record.failed_at && was_proved(*other, now)) {
        record.failures = 0;
        break;
      }
    // Connects that were in flight together fail once; one that was overtaken by a success says nothing.
    if (slot.attempt == record.attempt && slot.successes == record.successes) hold_back(record, now);
  }

  /// An attempt failed: no further connect before the delay is over.
  void hold_back(backend_record& record, time_point now) {
    record.failed_at = now;
    ++record.attempt;
    ++record.failures;
    timers_.cancel(record.retry_timer);
    if (record.live && !is_stopping())
      record.retry_timer =
          timers_.schedule(after(now, backoff_delay(options_.recovery.connect, record.failures, random_)),
                           {alarm::kind::retry, nullptr, &record, {}});
  }

  // Membership.

  void note_change(time_point now) {
    if (rebalance_timer_ == 0)
      rebalance_timer_ = timers_.schedule(after(now, options_.rebalance_delay),
                                          {alarm::kind::rebalance, nullptr, nullptr, {}});
  }

  void describe(backend_record& record, const backend& where, time_point now) {
    record.what = std::make_shared<const backend>(where);
    tell(effect::kind::tell_backend_changed, record.what);
    note_change(now);
  }

  void withdraw(backend_record& record, time_point now) {
    record.announced = false;
    tell(effect::kind::tell_backend_removed, record.what);
    note_change(now);
  }

  void forget_if_gone(backend_record& record) {
    if (record.live || record.announced || !record.slots.empty() || at_record_ == &record) return;
    timers_.cancel(record.retry_timer);
    needy_.erase(record);
    excessive_.erase(record);
    doomed_.erase(record);
    registry_.erase(record);
  }

  // The rebalance.

  void begin_rebalance() {
    if (job_.begin()) at_record_ = registry_.records().front();
  }

  /// Goes on with the rebalance that is under way.
  void rebalance_on(std::uint32_t steps) {
    if (job_.is(stage::gather)) {
      for (; at_record_ && steps > 0; --steps) {
        auto& record = *at_record_;
        at_record_ = record_list::next(record);
        gather(record);
      }
      if (at_record_) return;
      job_.gathered();
      effects_.push_back({.what = effect::kind::plan});
    }
    if (job_.is(stage::apply)) {
      for (; steps > 0; --steps) {
        auto* const record = job_.next();
        if (!record) {
          job_.applied();
          target_ = job_.target();
          break;
        }
        record->planned = job_.share();
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

  void gather(backend_record& record) {
    record.live = record.announced;
    if (record.live) return job_.add(record);
    record.planned = 0;
    timers_.cancel(record.retry_timer);
    needy_.erase(record);
    excessive_.erase(record);
    registry_.forget_key(record);
    if (record.wanted > 0) doomed_.push_back(record);
    forget_if_gone(record);
  }

  void rebalanced() {
    ++rebalances_;
    tell({.what = effect::kind::tell_rebalanced, .number = job_.backends(), .target = target_});
    if (job_.end()) begin_rebalance();
  }

  /// Puts the backend on the lists that its numbers call for.
  void review(backend_record& record) {
    if (is_stopping()) return;
    if (!record.live) {
      if (record.wanted == 0) doomed_.erase(record);
      return;
    }
    // As long as others do not know their share, what is surplus is not known either.
    const bool may_grow = !job_.is(stage::apply);
    if (may_grow && record.wanted < record.planned && record.unwanted > 0) {
      take_marks_back(record);
      tell_ready();
    }
    if (record.wanted > record.planned && record.connecting > 0) cancel_connects(record);
    set(excessive_, record, record.wanted > record.planned);
    set(needy_, record,
        may_grow && record.wanted < record.planned && record.retry_timer == 0 &&
            record.connecting < options_.max_connecting.per_backend);
  }

  template <class List>
  static void set(List& where, backend_record& record, bool in) noexcept {
    if (!in)
      where.erase(record);
    else if (!List::contains(record))
      where.push_back(record);
  }

  void take_marks_back(backend_record& record) noexcept {
    for (auto* slot = record.slots.front(); slot && record.unwanted > 0; slot = slot_list::next(*slot)) {
      if (!slot->unwanted) continue;
      if (record.wanted == record.planned) return;
      unmark(*slot);
    }
  }

  void unmark(slot_base& slot) noexcept {
    slot.unwanted = false;
    --slot.owner->unwanted;
    --unwanted_;
    ++slot.owner->wanted;
    ++wanted_;
  }

  void cancel_connects(backend_record& record) {
    for (auto* slot = record.slots.front(); slot && record.wanted > record.planned && record.connecting > 0;
         slot = slot_list::next(*slot))
      if (slot->state == slot_state::connecting) close(*slot, close_reason::cancelled);
  }

  /// Moves towards the plan as far as is allowed now.
  void pump(time_point now) {
    if (is_stopping()) return;
    trim();
    if (must_trim() || job_.is(stage::apply)) return;  // half a plan is no plan
    if (options_.strict_maximum)
      break_first();
    else
      retire_surplus();
    if (job_.is(stage::settle)) return;
    while (connecting_ < options_.max_connecting.per_pool) {
      if (options_.strict_maximum && total_ >= options_.max_connections) return;
      auto* const record = needy_.front();
      if (!record) return;
      open(*record, now);
      needy_.erase(*record);  // to the end of the list, so that a fill goes round the backends
      review(*record);
    }
  }

  /// Of backends that are gone there is something to close or mark.
  bool must_trim() const noexcept { return !doomed_.empty(); }

  /// A slice of what belongs to backends that are gone.
  void trim() {
    auto steps = slice_;
    while (auto* const record = doomed_.front()) {
      for (auto* slot = record->slots.front(); slot && record->wanted > 0;) {
        if (steps-- == 0) return;
        auto* const next = slot_list::next(*slot);
        if (slot->state != slot_state::closing && !slot->unwanted) retire(*slot, close_reason::unwanted);
        record->slots.erase(*slot);  // to the end of the list: the next slice begins with those that are left
        record->slots.push_back(*slot);
        slot = next;
      }
      doomed_.erase(*record);
    }
  }

  /// What is up beyond the target goes. (With a strict maximum nothing can be.)
  void retire_surplus() {
    while (up() > target_ && retire_one()) {
    }
  }

  /// One of a backend with more than its plan: an idle one, else one in use. False if there is none.
  bool retire_one() {
    slot_base* in_use = nullptr;
    for (auto* record = excessive_.front(); record; record = excess_list::next(*record))
      for (auto* slot = record->slots.front(); slot; slot = slot_list::next(*slot)) {
        if (slot->state == slot_state::idle) return retire_from(*slot);
        if (!in_use && !slot->unwanted &&
            (slot->state == slot_state::claimed || slot->state == slot_state::checking))
          in_use = slot;
      }
    return in_use && retire_from(*in_use);
  }

  bool retire_from(slot_base& slot) {
    auto& record = *slot.owner;
    retire(slot, close_reason::unwanted);
    excessive_.erase(record);  // to the end of the list: in turn
    review(record);
    return true;
  }

  /// With a strict maximum, makes room for what could be opened now and has none.
  void break_first() {
    const auto& most = options_.max_connecting;
    std::uint32_t openable = 0;
    const auto places = most.per_pool > connecting_ ? most.per_pool - connecting_ : 0;
    for (auto* record = needy_.front(); record && openable < places; record = need_list::next(*record))
      openable += std::min(record->planned - record->wanted, most.per_backend - record->connecting);
    openable = std::min(openable, places);
    const auto room = options_.max_connections > total_ ? options_.max_connections - total_ : 0;
    for (auto coming = room + closing_ + unwanted_; coming < openable && retire_one(); ++coming) {
    }
  }

  // Decoherence.

  void plan_decoherence(time_point now) {
    const auto next = decoherence_.next(now, front_.measure(measured_slots), random_);
    if (next.when <= now || next.when == never_comes) return;
    decoherence_step_ = next.what;
    decoherence_timer_ = timers_.schedule(next.when, {alarm::kind::decohere, nullptr, nullptr, {}});
  }

  void shuffle_on(std::uint32_t steps) {
    front_.shut(gate::shuffle, true);
    if (!front_.shuffle_on(random_, steps)) return;
    shuffling_ = false;
    front_.shut(gate::shuffle, false);
    ++shuffles_;
    tell({.what = effect::kind::tell_shuffled, .number = front_.idle()});
  }

  // The sweep for connections that lie idle unwatched.

  void plan_sweep(time_point now) {
    if (is_stopping()) return;
    if (sweep_.running)
      sweep_.again = true;
    else if (sweep_.timer == 0)
      sweep_.timer =
          timers_.schedule(after(now, options_.watch_delay), {alarm::kind::sweep, nullptr, nullptr, {}});
  }

  void sweep_on(std::uint32_t& steps, time_point now) {
    for (; sweep_.at < slots_.size() && steps > 0; --steps, ++sweep_.at) {
      auto& slot = slots_[sweep_.at];
      if (slot.watched) continue;
      if (slot.state == slot_state::idle) {
        if (checking_ > front_.idle() / 8) return;  // few at a time: the others can be claimed meanwhile
        check(slot);
      }
      if (slot.state == slot_state::claimed) sweep_.again = true;
    }
    if (sweep_.at < slots_.size()) return;
    const auto again = sweep_.again;
    sweep_ = {};
    if (again) plan_sweep(now);
  }

  // The end.

  void stop_on(std::uint32_t steps) {
    for (; steps > 0 && !claims_.empty(); --steps) end(*claims_.front());
    for (; steps > 0 && !ready_waiters_.empty(); --steps) end(*ready_waiters_.front());
    for (; steps > 0 && stop_at_ < slots_.size(); --steps, ++stop_at_) {
      auto& slot = slots_[stop_at_];
      if (slot.state == slot_state::idle || slot.state == slot_state::connecting)
        close(slot, slot.state == slot_state::idle ? close_reason::stopped : close_reason::cancelled);
    }
    for (; steps > 0 && at_record_; --steps) {
      auto& record = *at_record_;
      at_record_ = record_list::next(record);
      timers_.cancel(record.retry_timer);
      forget_if_gone(record);
    }
  }

  void end(waiter& who) noexcept {
    delist(who);
    finish(who, errc::stopped);
  }

  void check_stopped() noexcept {
    if (state_ != pool_state::stopping || total_ > 0) return;
    enter(pool_state::stopped);
    while (auto* const who = stop_waiters_.front()) {
      delist(*who);
      finish(*who, {});
    }
  }

  // Deadlines.

  void fire(const alarm& due, time_point now) {
    switch (due.what) {
      case alarm::kind::waiter:
        due.who->timer = 0;
        expire(*due.who);
        break;
      case alarm::kind::connect:
        if (auto* const slot = slots_.find(due.slot)) {
          slot->timer = 0;
          note_connect_failure(*slot, errc::connect_timeout, {}, now);
          auto& record = *slot->owner;
          close(*slot, close_reason::cancelled);
          review(record);
        }
        break;
      case alarm::kind::retry:
        due.record->retry_timer = 0;
        due.record->held_back = false;
        review(*due.record);
        break;
      case alarm::kind::rebalance:
        rebalance_timer_ = 0;
        begin_rebalance();
        break;
      case alarm::kind::decohere:
        decoherence_timer_ = 0;
        if (decoherence_step_ == decoherence_step::action::shuffle) shuffling_ = true;
        plan_decoherence(now);
        break;
      case alarm::kind::resolver:
        resolver_timer_ = 0;
        effects_.push_back({.what = effect::kind::run_resolver});
        break;
      case alarm::kind::sweep:
        sweep_ = {.running = true};
        break;
    }
  }

  pool_options options_;
  [[no_unique_address]] typename Policies::rebalance rebalance_;
  [[no_unique_address]] typename Policies::decoherence decoherence_;
  bool watched_;
  std::uint32_t slice_;
  random_source random_;
  rebalance_job job_;
  front_type front_;
  slot_table<Payload> slots_;
  deadlines<alarm> timers_;

  pool_state state_ = pool_state::starting;
  bool started_ = false;

  // Waiters.
  waiter_list claims_;
  waiter_list ready_waiters_;
  waiter_list stop_waiters_;
  waiter* finished_ = nullptr;
  waiter* finished_last_ = nullptr;

  // Backends.
  registry registry_;
  need_list needy_;
  excess_list excessive_;
  doom_list doomed_;
  std::uint64_t run_ = 0;
  std::uint32_t resolver_failures_ = 0;
  std::uint32_t resolver_timer_ = 0;

  // The rebalance under way.
  std::uint32_t rebalance_timer_ = 0;
  backend_record* at_record_ = nullptr;  ///< Where gathering, or the stop, has come to.

  // Sums over the backends.
  std::uint32_t target_ = 0;
  std::uint32_t wanted_ = 0;
  std::uint32_t connecting_ = 0;
  std::uint32_t unwanted_ = 0;
  std::uint32_t closing_ = 0;
  std::uint32_t checking_ = 0;
  std::uint32_t total_ = 0;

  // Decoherence, the sweep, the stop.
  bool shuffling_ = false;
  std::uint32_t decoherence_timer_ = 0;
  decoherence_step::action decoherence_step_ = decoherence_step::action::none;
  struct {
    std::uint32_t timer = 0;
    std::uint32_t at = 0;
    bool running = false;
    bool again = false;
  } sweep_;
  std::uint32_t stop_at_ = 0;

  std::uint64_t waited_ = 0;
  std::uint64_t timed_out_ = 0;
  std::uint64_t cancelled_ = 0;
  std::uint64_t rebalances_ = 0;
  std::uint64_t shuffles_ = 0;

  std::vector<effect> effects_;
};

}  // namespace cueball::core
