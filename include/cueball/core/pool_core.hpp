// SPDX-License-Identifier: BSL-1.0
/// \file
/// The pool without its sockets: events in, effects out. The only place where the pool decides anything.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <cueball/backend.hpp>
#include <cueball/claim_site.hpp>
#include <cueball/core/abilities.hpp>
#include <cueball/core/backend_record.hpp>
#include <cueball/core/backoff.hpp>
#include <cueball/core/codel.hpp>
#include <cueball/core/deadlines.hpp>
#include <cueball/core/demand.hpp>
#include <cueball/core/effect.hpp>
#include <cueball/core/front.hpp>
#include <cueball/core/rebalance_job.hpp>
#include <cueball/core/registry.hpp>
#include <cueball/core/shared_front.hpp>
#include <cueball/core/slot.hpp>
#include <cueball/core/waiter.hpp>
#include <cueball/observer_policy.hpp>
#include <cueball/pool_options.hpp>
#include <cueball/pool_stats.hpp>
#include <cueball/rebalance_policy.hpp>
#include <cueball/threading_policy.hpp>

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
  using observer_type = typename Policies::observer;
  static constexpr bool hears_overdue = hears_overdue_leases<observer_type>;
  using untimed_slot = std::conditional_t<shares_front<typename Policies::threading>,
                                          shared_slot<typename Policies::threading>, slot_base>;
  using slot_type = slot<Payload, std::conditional_t<hears_overdue, timed_slot<untimed_slot>, untimed_slot>>;

  /// A step on a shared front takes about twice as long: what threads write is in lines of its own.
  static constexpr std::uint32_t usual_slice = shares_front<typename Policies::threading> ? 64 : 128;

  /// How long a connection whose close-watch fired is kept to itself; or `watch_delay`, if that is less.
  static constexpr duration second_look = std::chrono::milliseconds{100};

  /// \param can what the connections can do.
  /// \param slice how many slots, backends or waiters one event deals with at the most.
  pool_core(const pool_options& options, const typename Policies::queue& queue,
            const typename Policies::rebalance& rebalance, const typename Policies::decoherence& decoherence,
            abilities can, std::uint64_t seed, std::uint32_t slice = usual_slice)
      : options_(options),
        rebalance_(rebalance),
        decoherence_(decoherence),
        watched_(can.be_watched && options.watch_delay != no_limit),
        checks_(can.be_checked),
        resets_(can.be_reset),
        recalls_(can.be_recalled),
        singles_(can.be_single),
        slice_(slice),
        random_(seed),
        job_(random_()),
        // Beyond the target there may be replacements, of which no more connect at once than this.
        slots_(options.max_connections + options.max_connecting.per_pool),
        front_(queue, std::size_t{options.max_connections} + options.max_connecting.per_pool,
               random_source{random_()}, slots_),
        codel_(options.target_claim_delay),
        open_rate_{
            options.max_churn_rate ? duration{std::chrono::seconds{2}} / *options.max_churn_rate : duration{},
            options.max_connecting.per_backend} {
    if (options.max_lifetime != no_limit) age_.seed = random_();
    size_.most = options.max_connections;
    size_.now = is_elastic() ? *options.spares : size_.most;
  }

  pool_core(const pool_core&) = delete;
  pool_core& operator=(const pool_core&) = delete;

  // The front.

  /// An idle slot, now claimed; null if the book has to be asked.
  slot_type* try_take() noexcept { return down(front_.try_take()); }

  /// Makes a claimed slot idle. Refused if the book has to be told (`release`). After that nothing of the
  /// pool may be touched: it may be gone.
  push_result try_put(slot_base& slot) noexcept { return front_.try_put(slot); }

  /// The holder of the slot, who has just got it, was asked for it here. Needs no lock.
  static void note_claim([[maybe_unused]] slot_type& slot,
                         [[maybe_unused]] detail::claim_site_for<observer_type> where) noexcept {
    if constexpr (hears_overdue) {
      slot.claimed_at.store(where.where(), std::memory_order_release);
      slot.noted.store(slot.latest_claim(), std::memory_order_release);
    }
  }

  // Life.

  void start(time_point now);

  /// Fails every waiter, cancels connects, closes what is idle; what is claimed closes when it is released.
  /// Does nothing a second time.
  void request_stop() noexcept;

  pool_state state() const noexcept { return state_; }
  bool is_stopping() const noexcept {
    return state_ == pool_state::stopping || state_ == pool_state::stopped;
  }

  /// In a forked child: everything there is belongs to the parent. From here on every claim and wait fails
  /// with `errc::forked`. Those that wait are the parent's too, and are not ended.
  void end_in_child() noexcept {
    is_inherited_ = true;
    state_ = pool_state::stopped;
    front_.shut(gate::not_running, true);
  }

  bool is_inherited() const noexcept { return is_inherited_; }

  // Claims.

  /// Grants a slot at once, or keeps `claimer` until one is free, `deadline` has come, or the pool stops.
  void claim(waiter& claimer, time_point deadline, time_point now);

  /// `try_take` past the gate: never overtakes a waiter. Null, and why, if there is none.
  slot_type* try_claim(error_code& why) noexcept;

  /// Ends a wait with `why`; does nothing if it has ended.
  void cancel(waiter& waiting, error_code why) noexcept;

  /// A lease ended.
  void release(slot_base& slot, verdict how, time_point now);

  /// A lease ended, and its connection is gone from the pool already.
  void gone(slot_base& slot, close_reason reason, time_point now);

  /// The holder of a slot that can be recalled does not use it any more: from here on it is replaced, as one
  /// that was recalled. He has it until he says `let_go`.
  void give_up(slot_id id, verdict how, time_point now);

  /// The holder of a slot that was recalled, or given up, lets it go: it is closed.
  void let_go(slot_base& slot, close_reason reason, time_point now);

  /// Takes an idle slot to be closed by the caller, who then says `closed`; null if there is none. For the
  /// end of a pool, when nobody may be there to perform effects.
  slot_type* take_to_close();

  /// When it is stopping and nothing is idle: how many holders of slots are still to come, with `release` or
  /// `gone`, or to find that they are late?
  std::size_t orphans() noexcept {
    std::size_t all = 0;
    for (std::uint32_t i = 0; i < slots_.size(); ++i) all += front_.orphans(slots_[i]);
    return all;
  }

  // Waiting for the pool.

  /// Until `count` connections are up; so many have to be possible.
  void wait_ready(waiter& waiting, std::uint32_t count, time_point deadline, time_point now);

  /// Until every connection is gone; call `request_stop` first.
  void wait_stopped(waiter& waiting, time_point deadline, time_point now);

  /// Ends the waits for the end: who waits is told how many connections are left.
  void end_stop_waits() noexcept {
    while (auto* const who = stop_waiters_.front()) expire(*who);
  }

  /// From now on there may be so many connections: no more than there might be at the beginning.
  void set_most(std::uint32_t most);

  // The resolver.

  /// A run of the resolver begins: by its `round_done` it will have named every backend.
  void resolver_started() noexcept {
    ++resolver_.runs;
    resolver_.state = resolver_state::starting;
  }

  /// The run is over; the backends stay. It is run again after a delay that grows until a round was done.
  void resolver_ended(error_code error, std::string text, time_point now);

  void backend_added(const backend& where, time_point now);

  /// Weight, priority or attributes are new; the connections stay.
  void backend_changed(const backend& where, time_point now);

  void backend_removed(const std::string& key, time_point now);

  /// Withdraws what this run of the resolver did not name.
  void round_done(time_point now);

  /// Changes no backend.
  void resolver_failed(error_code error, std::string text) {
    if (is_stopping()) return;
    was_resolved_ = true;
    tell_problem(error, std::move(text));
  }

  // Connections.

  void connected(slot_id id, time_point now);

  /// The connect is over and its connection destroyed.
  /// \param permanent trying again soon is of no use
  void connect_failed(slot_id id, error_code error, std::string text, bool permanent, time_point now);

  /// The connection is destroyed.
  void closed(slot_id id, time_point now);

  /// The close-watch is armed.
  void watched(slot_id id, time_point now);

  /// The check or the reset is over.
  /// \param error what was wrong; none if the connection is well
  void test_ended(slot_id id, error_code error, std::string text, time_point now);

  /// What was opened before is not handed out again: what is idle or connecting goes at once, what is claimed
  /// when it is released, or is closed in its stead where somebody would get it.
  void invalidate() noexcept;

  /// The same, of one backend. False if it is not known.
  bool invalidate(const std::string& key);

  /// Something happened on a connection that was watched while it lay idle. If it was claimed since, that
  /// says nothing (it may have been the answer to the claimer's request), and it is watched afresh. If not,
  /// it is watched afresh as well, and believed when it fires again: a reactor may have learned of the last
  /// answer before the watch was armed, and report it after that. Nobody gets it before it fires again or
  /// `second_look` has passed.
  void watch_fired(slot_id id, time_point now);

  // Time.

  /// Does what was due by `now`, or a slice of it.
  void wake(time_point now);

  /// When to call `wake`: in the past if there is work now.
  time_point next_wake() noexcept { return has_work() ? time_point::min() : timers_.next(); }

  /// More to do at once, in further slices.
  bool has_work() const noexcept;

  // The plan.

  /// Performs the effect `plan`: works on what was gathered, touches nothing else.
  void make_plan() { job_.make_plan(rebalance_); }

  /// The plan was made.
  void planned() noexcept {
    if (job_.is(stage::plan)) job_.planned();
  }

  /// `make_plan` threw: the old plan stays, and it is asked again after a rebalance delay.
  void plan_failed(error_code error, std::string text, time_point now);

  // What came of it.

  /// Effects in the order of the decisions. Swaps with `into`, which must be empty.
  void take_effects(std::vector<effect>& into) noexcept { effects_.swap(into); }
  bool has_effects() const noexcept { return !effects_.empty(); }

  /// Waiters whose wait ended, in order; linked through `waiter::link.next`.
  waiter* take_finished() noexcept { return std::exchange(finished_, finished_last_ = nullptr); }

  slot_type* find(slot_id id) noexcept { return slots_.find(id); }

  /// The effect `open` is being performed: null if it is not to be any more, since its close comes next.
  slot_type* opening(slot_id id) noexcept {
    auto* const slot = slots_.find(id);
    if (!slot || slot->state != slot_state::connecting) return nullptr;
    slot->opened = true;
    return slot;
  }

  /// What its backend was announced as when it was opened. Needs no lock for the holder of the slot.
  const std::shared_ptr<const backend>& where(const slot_base& slot) const noexcept {
    return registry_.descriptions()[slot.description];
  }

  /// Calls `visit(slot)` for each slot that is not free.
  template <class Visitor>
  void each_slot(Visitor visit) {
    for (std::uint32_t i = 0; i < slots_.size(); ++i)
      if (slots_[i].state != slot_state::free) visit(slots_[i]);
  }

  /// Those whose connection is there, and up as far as the book has heard.
  template <class Visitor>
  void each_up(Visitor visit) {
    each_slot([&](slot_type& slot) {
      if (slot.opened && slot.state != slot_state::connecting && slot.state != slot_state::closing)
        visit(slot);
    });
  }

  /// What is true of the slot: where the front is shared, the slot itself does not say.
  slot_state state_of(const slot_base& slot) const noexcept { return front_.state_of(slot); }

  pool_stats stats() const;

  /// The place in the preference list of a backend that is announced or live.
  std::uint64_t preference_of(const std::string& key) const {
    const auto* const record = registry_.find(key);
    return record ? record->preference : 0;
  }

 private:
  using slots_type = slot_table<slot_type>;
  using front_type =
      std::conditional_t<shares_front<typename Policies::threading>,
                         shared_front<typename Policies::queue, typename Policies::threading, slots_type>,
                         front<typename Policies::queue, typename Policies::threading>>;
  using stage = rebalance_job::stage;
  using need_list = list<backend_record, &backend_record::in_need>;
  using excess_list = list<backend_record, &backend_record::in_excess>;
  using doom_list = list<backend_record, &backend_record::in_doom>;
  using probe_list = list<backend_record, &backend_record::in_probe>;

  /// The most slots that a measurement of coherence looks at.
  static constexpr std::uint32_t measured_slots = order_meter::capacity;

  /// What happens at a deadline.
  struct alarm {
    enum class kind : std::uint8_t {
      waiter,
      connect,
      second_look,
      retry,
      budget,
      rebalance,
      decohere,
      test,
      sweep,
      idle,
      age,
      size,
      leases,
      resolver
    };
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
      case slot_state::resting:
        return counts.idle;
      case slot_state::claimed:
        return counts.claimed;
      case slot_state::checking:
        return counts.checking;
      default:
        return counts.closing;
    }
  }

  // Telling.

  void tell(effect what) {
    if constexpr (!ignores_everything<observer_type>) effects_.push_back(std::move(what));
  }

  void tell(effect::kind what, const std::shared_ptr<const backend>& where) {
    if constexpr (!ignores_everything<observer_type>) effects_.push_back({.what = what, .where = where});
  }

  void tell_closed(const slot_base& slot, close_reason reason, error_code error = {}, std::string text = {}) {
    tell({.what = effect::kind::tell_closed,
          .where = owner_of(slot).what,
          .error = error,
          .text = std::move(text),
          .reason = reason});
  }

  /// Of the resolver, or what is wrong with what it said.
  void tell_problem(error_code error, std::string text) {
    ++resolver_.failures;
    resolver_.last_error = error;
    resolver_.last_error_text = text;
    tell({.what = effect::kind::tell_resolver_failed, .error = error, .text = std::move(text)});
  }

  void enter(pool_state state) {
    state_ = state;
    tell({.what = effect::kind::tell_state_changed, .state = state});
  }

  // Waiters.

  void enlist(waiter_list& where, waiter& who, time_point deadline);

  void delist(waiter& who) noexcept;

  waiter_list& list_of(const waiter& who) noexcept;

  void finish(waiter& who, error_code error) noexcept;

  void grant(waiter& who, slot_base& slot) noexcept {
    who.granted = &slot;
    finish(who, {});
  }

  void expire(waiter& who) noexcept;

  /// Those at the front of the line whose deadline has come.
  void expire_first(time_point now) noexcept {
    while (!claims_.empty() && claims_.front()->deadline <= now) expire(*claims_.front());
  }

  /// A connection is there for whoever this is: the first in line whose deadline has not come, and who is not
  /// shed. Null if nobody waits.
  waiter* next_in_line(time_point now) noexcept;

  /// Why a claim that would have to wait fails at once; no error if it may wait.
  error_code refusal() const noexcept;

  void refuse(waiter& who, error_code why) noexcept {
    ++refused_;
    finish(who, why);
  }

  /// What the resolver says may be believed, and nobody is there.
  bool is_empty() const noexcept { return was_resolved_ && announced_ == 0 && members_ == 0; }

  /// What keeps those who wait from being served.
  error_code why_over() const noexcept { return is_inherited_ ? errc::forked : errc::stopped; }

  hold_up what_holds_up() const noexcept;

  /// Time has gone on, or what holds up those who wait may be another.
  void note_hold_up(time_point now) noexcept {
    if (hold_up_.what == hold_up::nothing && claims_.empty()) return;
    hold_up_.spent[static_cast<std::size_t>(hold_up_.what)] += now - hold_up_.since;
    hold_up_.since = now;
    hold_up_.what = claims_.empty() ? hold_up::nothing : what_holds_up();
  }

  void tell_ready() noexcept;

  /// Gives what is idle to those who wait.
  void serve(time_point now) noexcept;

  /// A slot that nobody uses goes to the oldest waiter whose deadline has not come, or into the idle set.
  void settle(slot_base& slot, time_point now) noexcept;

  // Slots.

  backend_record& owner_of(const slot_base& slot) const noexcept { return registry_[slot.backend]; }

  /// Goes over all slots from `at` on, one a step. True when that is done, and `at` is at the beginning
  /// again.
  template <class Visitor>
  bool go_over_slots(std::uint32_t& at, std::uint32_t& steps, Visitor visit) {
    for (; at < slots_.size() && steps > 0; --steps, ++at) visit(slots_[at]);
    if (at < slots_.size()) return false;
    at = 0;
    return true;
  }

  /// Was it opened after so many others?
  bool is_opened_after(const slot_base& slot, std::uint64_t others) const noexcept {
    return slots_.number_of(slot) > others;
  }

  /// Sets a deadline for a slot that is connecting or being checked.
  void arm(slot_base& slot, time_point when, typename alarm::kind what) {
    slot.place = timers_.schedule(when, {what, nullptr, nullptr, id_of(slot)});
  }

  void disarm(slot_base& slot) noexcept {
    auto timer = std::uint32_t{slot.place};
    timers_.cancel(timer);
    slot.place = timer;
  }

  void disarm(backend_record& record) noexcept {
    timers_.cancel(record.retry_timer);
    if (record.budget_timer != 0) --budgeted_;
    timers_.cancel(record.budget_timer);
  }

  /// Of a slot that has to go, and is not broken.
  close_reason why_it_goes(const slot_base& slot) const noexcept {
    return is_stopping()                        ? close_reason::stopped
           : slot.outdated || is_outdated(slot) ? close_reason::invalidated
           : slot.worn                          ? close_reason::expired
                                                : close_reason::unwanted;
  }

  /// Connections that are up and wanted.
  std::uint32_t up() const noexcept { return wanted_ - connecting_; }

  /// The slot that connects to a backend; it counts towards nothing yet.
  slot_base& open(backend_record& record, time_point now);

  void open_wanted(backend_record& record, time_point now);

  void open_monitor(backend_record& record, time_point now);

  bool is_monitor(const slot_base& slot) const noexcept { return owner_of(slot).monitor == slot.index; }

  /// The slot no longer counts towards the plan.
  void unwant(slot_base& slot) noexcept;

  /// \param error and text: what was found wrong, where something was
  void close(slot_base& slot, close_reason reason, error_code error = {}, std::string text = {});

  /// Marks a slot that somebody uses; it is closed after that.
  void mark(slot_base& slot) noexcept;

  /// The slot has to go: now if nobody uses it, else afterwards.
  void retire(slot_base& slot, close_reason reason);

  /// The connection is gone: the slot becomes free.
  void forget(slot_base& slot);

  /// Out of circulation until its close-watch fires again, or a second look or a test is over.
  static bool is_held(const slot_base& slot) noexcept {
    return slot.state == slot_state::checking && slot.place != 0;
  }

  /// It was taken out of the idle set, for a moment.
  void hold(slot_base& slot) noexcept;

  void watch(slot_base& slot) { effects_.push_back({.what = effect::kind::watch, .slot = id_of(slot)}); }

  /// Puts it back, or closes it if nobody wants it any more.
  void checked(slot_base& slot, time_point now);

  // Recovery.

  /// Was it of use: released once, or up for long enough?
  bool was_proved(const slot_base& slot, time_point now) const noexcept {
    return slot.claims > 1 || (slot.claims == 1 && front_.state_of(slot) != slot_state::claimed) ||
           now >= after(slot.up_since, options_.recovery.stable_after);
  }

  const operation_recovery& recovery_of(const backend_record& record) const noexcept {
    return record.was_up ? options_.recovery.of_connect() : options_.recovery.of_initial();
  }

  void note_broken(slot_base& slot, time_point now, error_code error = errc::connection_broken,
                   std::string text = {});

  /// It broke, or failed its user. If it was of use, the failures before it count no longer; if not, it
  /// counts as a failed attempt.
  void note_failure(slot_base& slot, time_point now);

  /// It goes, and is not broken. If it was of use, the failures before it count no longer.
  void note_use(const slot_base& slot) noexcept;

  void note_connect_failure(slot_base& slot, error_code error, std::string text, bool permanent,
                            time_point now);

  /// An attempt failed: no further connect before the delay is over.
  void hold_back(backend_record& record, bool permanent, time_point now);

  /// Its share goes to the others.
  void die(backend_record& record);

  /// Its monitor connected: that joins the pool, and the share comes back.
  void revive(backend_record& record);

  /// Every known backend is dead, and nothing is up.
  bool is_all_dead() const noexcept { return dead_ > 0 && dead_ == members_ && up() == 0; }

  /// Enters or leaves the state `failed`.
  void review_state();

  // Membership.

  void note_change(time_point now);

  void describe(backend_record& record, const backend& where, time_point now);

  void withdraw(backend_record& record, time_point now);

  void forget_if_gone(backend_record& record);

  // The rebalance.

  /// Goes on with the rebalance that is under way.
  void rebalance_on(std::uint32_t steps);

  void gather(backend_record& record);

  void rebalanced();

  /// Puts the backend on the lists that its numbers call for.
  void review(backend_record& record);

  template <class List>
  static void set(List& where, backend_record& record, bool in) noexcept {
    if (!in)
      where.erase(record);
    else if (!List::contains(record))
      where.push_back(record);
  }

  /// What it may have: replacements come before what they replace.
  static std::uint32_t share_of(const backend_record& record) noexcept {
    return record.planned + record.worn;
  }

  void take_marks_back(backend_record& record) noexcept;

  void unmark(slot_base& slot) noexcept;

  void cancel_connects(backend_record& record);

  /// Moves towards the plan as far as is allowed now.
  void pump(time_point now) {
    move(now);
    check_for_waiters(now);
    review_state();
    tell_ready();  // late: one whose place another has taken is not counted any more
    note_hold_up(now);
  }

  void move(time_point now);

  /// May one more connect be started? Replacements and monitors come beyond the maximum, but no more of them
  /// than may connect at once.
  bool may_open() const noexcept {
    const auto most = options_.max_connecting.per_pool;
    return connecting_ + monitors_ < most && wanted_ + monitors_ < size_.most + most &&
           (!options_.strict_maximum || total_ < size_.most);
  }

  /// Monitors come after the live, and take no more than half of what may be in flight; in a strict pool, the
  /// one place that is kept for them.
  std::uint32_t most_monitors() const noexcept {
    return options_.strict_maximum ? 1 : std::max<std::uint32_t>(1, options_.max_connecting.per_pool / 2);
  }

  /// What the plan may give out: a strict pool keeps a place for monitors, if it has more than one.
  std::uint32_t places() const noexcept {
    const bool keeps_one = options_.strict_maximum && dead_ > 0 && size_.most > 1;
    return std::min(size_.now, keeps_one ? size_.most - 1 : size_.most);
  }

  /// Of backends that are gone there is something to close or mark.
  bool must_trim() const noexcept { return !doomed_.empty(); }

  /// A slice of what belongs to backends that are gone.
  void trim();

  /// What is surplus is known: not while the plan is being made anew, nor when there is no live backend that
  /// could take over from a dead one.
  bool may_retire() const noexcept { return !job_.is_replanning() && dead_ < members_; }

  /// What is up beyond the target goes.
  void retire_surplus() {
    while (may_retire() && up() > target_ && retire_one()) {
    }
  }

  /// One of a backend with more than its plan: an idle one, else one in use. False if there is none.
  bool retire_one();

  bool retire_from(slot_base& slot);

  /// With a strict maximum, makes room for what could be opened now and has none.
  void break_first(time_point now);

  // The size.

  bool is_elastic() const noexcept { return options_.spares && *options_.spares < size_.most; }

  void plan_sample(time_point now);

  /// Counts what is in use, and lets the size follow.
  void sample_on(std::uint32_t& steps, time_point now);

  /// Somebody begins to wait: the pool grows at once.
  void make_room_for_waiters();

  /// So many connections are wanted, beside those in use.
  std::uint32_t wanted_beside(std::uint32_t busy) const noexcept;

  void resize(std::uint32_t size);

  // Health.

  static bool lies_idle(slot_state state) noexcept {
    return state == slot_state::idle || state == slot_state::resting;
  }

  /// Takes a slot that nobody uses out of circulation; the caller gives it its new state. False if somebody
  /// uses it.
  bool take_out(slot_base& slot) noexcept;

  /// An idle connection that may be handed out.
  slot_base* take_idle();

  /// One that rests, unchecked, as if it were claimed.
  slot_base* take_resting() noexcept {
    if (resting_.empty()) return nullptr;
    auto& slot = slots_[resting_.back()];
    end_rest(slot);
    front_.claimed(slot);
    return &slot;
  }

  /// Out of the idle set, until somebody waits.
  void rest(slot_base& slot);

  void end_rest(slot_base& slot) noexcept;

  /// Checks the slot, or makes it new, out of circulation.
  void test(slot_base& slot, effect::kind how, time_point now);

  /// It is no longer being checked or reset.
  void test_is_over(slot_base& slot) noexcept;

  /// It is not well, or did not say so in time.
  void test_failed(slot_base& slot, error_code error, std::string text, time_point now);

  /// As many of those that rest are checked as wait.
  void check_for_waiters(time_point now);

  /// How much later than it could be something is found out by a look at what lies idle: a sixteenth of what
  /// is looked for. Zero if nothing is.
  duration pause_between_looks() const noexcept;

  void plan_look(time_point now);

  /// Checks what was idle for long, lets it rest, or replaces it.
  void look_on(std::uint32_t& steps, time_point now);

  void look_at(slot_base& slot, time_point now);

  /// No more than an eighth of what is idle is out to be checked at once, or one; what is under suspicion
  /// comes on top.
  bool may_check() const noexcept { return tests_ < std::max<std::uint32_t>(1, idle_.seen_before / 8); }

  /// Its first half is left, and what it takes until a look has seen that a slot is idle, and another one
  /// that its time has come.
  time_point next_check(time_point now) noexcept {
    return after(now, part_of(options_.check_interval, (14.0 - 7.0 * random_.fraction()) / 16.0));
  }

  // Invalidation.

  void begin_invalidation() noexcept;

  void invalidate_on(std::uint32_t& steps);

  void outdate(slot_base& slot);

  /// As long as not all were looked at.
  bool is_outdated(const slot_base& slot) const noexcept {
    return invalidation_.running &&
           !is_opened_after(slot, std::max(invalidation_.before, owner_of(slot).outdated_before));
  }

  // Lifetimes.

  /// When its lifetime is over. Drawn from its number, so that nothing has to be stored.
  time_point end_of_life(const slot_base& slot) const noexcept {
    random_source random{age_.seed + slots_.number_of(slot)};
    return after(slot.up_since,
                 part_of(options_.max_lifetime, 1.0 - options_.lifetime_spread * random.fraction()));
  }

  /// The slot is new.
  void watch_age(const slot_base& slot, time_point now) {
    if (options_.max_lifetime != no_limit) look_at_ages(end_of_life(slot), now);
  }

  /// At this time, or a little later, for many at once.
  void look_at_ages(time_point when, time_point now);

  /// Looks for those that are past their lifetime.
  void age_on(std::uint32_t& steps, time_point now);

  /// Nobody takes a mark of it back any more.
  void mark_worn(slot_base& slot) noexcept;

  /// It is replaced.
  void wear_out(slot_base& slot);

  // Leases that are out for long.

  void plan_lease_sweep(time_point now);

  void lease_sweep_on(std::uint32_t& steps, time_point now);

  void look_at_lease(slot_type& slot, time_point now);

  // Decoherence.

  void plan_decoherence(time_point now);

  void shuffle_on(std::uint32_t steps);

  /// A step in the preference list. Exchanged, not drawn anew: if those that are in use got new numbers, the
  /// low ones would be used up, and whoever has come to be in use would stay.
  void regroup();

  // The sweep for connections that lie idle unwatched.

  void plan_sweep(time_point now);

  void sweep_on(std::uint32_t& steps, time_point now);

  // The end.

  void stop_on(std::uint32_t steps);

  void end(waiter& who, error_code why) noexcept {
    delist(who);
    finish(who, why);
  }

  void check_stopped() noexcept;

  // Deadlines.

  void fire(const alarm& due, time_point now);

  pool_options options_;
  [[no_unique_address]] typename Policies::rebalance rebalance_;
  [[no_unique_address]] typename Policies::decoherence decoherence_;
  bool watched_;
  bool checks_;
  bool resets_;
  bool recalls_;
  bool singles_;
  std::uint32_t slice_;
  random_source random_;
  rebalance_job job_;
  slots_type slots_;
  front_type front_;
  deadlines<alarm> timers_;

  pool_state state_ = pool_state::starting;
  bool is_inherited_ = false;
  bool started_ = false;
  bool has_run_ = false;  ///< A connection was made.

  // Waiters.
  waiter_list claims_;
  class codel codel_;
  waiter_list ready_waiters_;
  waiter_list stop_waiters_;
  struct {
    hold_up what = hold_up::nothing;
    time_point since{};
    hold_ups spent{};  ///< While anybody waited.
  } hold_up_;
  waiter* finished_ = nullptr;
  waiter* finished_last_ = nullptr;

  // Backends.
  registry registry_;
  need_list needy_;
  excess_list excessive_;
  doom_list doomed_;
  probe_list probing_;
  budget::rate open_rate_;  ///< To each.
  resolver_stats resolver_;
  std::uint32_t fruitless_runs_ = 0;  ///< In a row.
  bool was_resolved_ = false;         ///< A round was done, or it said that it failed.
  std::uint32_t resolver_timer_ = 0;

  // The rebalance under way.
  std::uint32_t rebalance_timer_ = 0;
  backend_record* at_record_ = nullptr;  ///< Where gathering, or the stop, has come to.

  // Sums over the backends.
  std::uint32_t announced_ = 0;
  std::uint32_t members_ = 0;
  std::uint32_t dead_ = 0;
  std::uint32_t target_ = 0;
  std::uint32_t wanted_ = 0;
  std::uint32_t connecting_ = 0;  ///< Monitors are not among them.
  std::uint32_t monitors_ = 0;
  std::uint32_t unwanted_ = 0;
  std::uint32_t closing_ = 0;
  std::uint32_t checking_ = 0;
  std::uint32_t tests_ = 0;  ///< Of those, the ones being checked or reset.
  std::uint32_t asked_ = 0;  ///< Of those, the ones that rested, and are checked since somebody waits.
  std::uint32_t total_ = 0;
  std::uint32_t budgeted_ = 0;  ///< Backends to which nothing may be opened now, for the churn rate.

  // The size.
  struct {
    std::uint32_t most = 0;  ///< Of connections.
    std::uint32_t now = 0;   ///< What a plan may give out.
    demand lately;
    std::uint32_t timer = 0;
    std::uint32_t at = 0;
    std::uint32_t busy = 0;
    bool running = false;
  } size_;

  // Health.
  /// What a look at an idle slot has to remember of it.
  struct idle_note {
    std::uint32_t generation = 0;
    std::uint64_t claims = 0;
    time_point since{};    ///< It is idle, or a little longer.
    time_point well_at{};  ///< Known to be well.
    time_point check_at{};
    bool for_claim = false;  ///< It is being checked since somebody waits.
  };
  struct {
    std::vector<idle_note> notes;  ///< By index.
    std::uint32_t timer = 0;
    std::uint32_t at = 0;
    bool running = false;
    bool again = false;      ///< Somebody came under suspicion, or may be checked now.
    bool postponed = false;  ///< A check that was due, since too many were out.
    std::uint64_t looks = 1;
    std::uint32_t seen = 0;         ///< What lay idle, in the look under way.
    std::uint32_t seen_before = 0;  ///< In the one before.
  } idle_;
  std::vector<std::uint32_t> resting_;  ///< By index, the last one first.
  struct {
    bool running = false;
    std::uint32_t at = 0;
    std::uint64_t before = 0;  ///< So many had been opened.
  } invalidation_;

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
  struct {
    std::uint64_t seed = 0;
    std::uint32_t timer = 0;
    time_point when = never_comes;  ///< Of the timer; while it runs, of the next.
    std::uint32_t at = 0;
    bool running = false;
  } age_;
  struct {
    std::uint32_t timer = 0;
    std::uint32_t at = 0;
    bool running = false;
  } lease_sweep_;
  std::uint32_t stop_at_ = 0;

  std::uint64_t waited_ = 0;
  std::uint64_t timed_out_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t shed_ = 0;
  std::uint64_t cancelled_ = 0;
  std::uint64_t rebalances_ = 0;
  std::uint64_t shuffles_ = 0;
  std::uint64_t regroups_ = 0;

  std::vector<effect> effects_;
};

}  // namespace cueball::core

#include <cueball/core/impl/backends.hpp>
#include <cueball/core/impl/claims.hpp>
#include <cueball/core/impl/connections.hpp>
#include <cueball/core/impl/health.hpp>
#include <cueball/core/impl/leases.hpp>
#include <cueball/core/impl/life.hpp>
#include <cueball/core/impl/lifetimes.hpp>
#include <cueball/core/impl/rebalance.hpp>
#include <cueball/core/impl/size.hpp>
