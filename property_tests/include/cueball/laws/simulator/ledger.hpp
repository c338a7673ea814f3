// SPDX-License-Identifier: BSL-1.0
/// \file
/// What must be true of a pool, from the events that went in and the effects that came out alone: none of the
/// core's own numbers is believed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <cueball/core/effect.hpp>
#include <cueball/core/waiter.hpp>
#include <cueball/events.hpp>

#include <cueball/laws/least_churn.hpp>
#include <cueball/laws/rule_broken.hpp>
#include <cueball/laws/simulator/setting.hpp>

namespace cueball::laws {

/// Each event is told in three steps: `begin`, the event itself (one of the calls below), then what came of
/// it
/// (`decided` for each effect, `finished` for each waiter, in order), and `check`. Every one of them may
/// throw `rule_broken`.
class ledger {
 public:
  using state = core::slot_state;

  /// One connection, from its `open` until it is gone.
  struct connection {
    core::slot_id id;
    std::size_t owner = 0;
    state now = state::free;
    bool marked = false;   ///< Unwanted, as of the last event; read from the core, since no effect tells.
    bool worn = false;     ///< Past its lifetime, as the core says.
    bool monitor = false;  ///< Watches for the return of a dead backend.
    std::uint32_t attempt = 0;
    std::uint32_t successes = 0;
    std::uint64_t claims = 0;
    std::uint64_t watched_at = 0;            ///< Claims when its watch was armed.
    std::uint64_t held_since = 0;            ///< Grows.
    bool just_freed = false;                 ///< Held until this event.
    int looks = 0;                           ///< How often its watch fired since it was claimed.
    std::optional<time_point> held_until{};  ///< Out of circulation until a second look.
    std::uint64_t rank = 0;  ///< Grows with the time at which it became idle; equal after a shuffle.
    time_point opened_at{};
    time_point gives_up_at{};
    time_point up_since{};
    time_point unused_since{};
    time_point well_at{};     ///< When it was known to be well: connected, released or checked.
    time_point test_until{};  ///< Of the check or reset that is under way.
    bool tested = false;      ///< That is so.
    bool test_failed = false;
    bool resting = false;   ///< Idle, and checked before anybody gets it, as the core says.
    bool outdated = false;  ///< Opened before an invalidation.
    bool is_reset = true;   ///< Since it was claimed.
    time_point claimed_at{};
    unsigned noted_line = 0;  ///< Where its holder said that it claimed; 0 before it did.
    bool is_told_of = false;  ///< That it is claimed for long.
  };

  /// One backend from announcement to removal; announced anew after that it is another one.
  struct member {
    std::string key;
    backend what;
    bool announced = true;
    bool live = false;  ///< Announced as of the last rebalance: dead ones, too.
    bool dead = false;
    bool must_be_dead = false;
    bool was_up = false;  ///< A connection to it has been made.
    bool known = true;    ///< The resolver's words about its key mean this one.
    std::uint64_t seen_in_run = 0;
    std::uint32_t attempt = 0;
    std::uint32_t successes = 0;
    std::uint32_t failures = 0;  ///< In a row, until a connection was of use.
    time_point failed_at{};
    bool held_back = false;  ///< By a connection that broke at once: a success does not end the delay.
    time_point not_before = time_point::min();  ///< No connect earlier: the least back-off delay.
    std::vector<time_point> opened_at{};        ///< Where that is bounded.
    std::uint64_t opened = 0;
    std::uint64_t closed = 0;
    std::uint64_t claims_of_gone = 0;
    std::uint32_t gathered = 0;  ///< Connections when the plan was asked for.
    bool is_out = false;         ///< Gone, and nothing of it is idle any more.
    bool is_suspect = false;     ///< A check of one of its connections failed.
  };

  explicit ledger(const setting& what)
      : setting_(what),
        options_(what.options()),
        policies_(*what.policies),
        is_sliced_(what.slice < setting::usual_slice),
        is_elastic_(options_.spares.value_or(what.max_connections) < what.max_connections),
        most_(what.max_connections) {}

  // The event.

  void begin(time_point now);
  void started() { started_ = true; }
  void stop_requested() { stopping_ = true; }
  void resolver_started();
  void resolver_failed();
  void resolver_ended();
  /// Of a backend that is not known.
  void misreported() { resolver_failures_ += !stopping_; }
  void added(const backend& where);
  void changed(const backend& where);
  void removed(const std::string& key);
  void round_done();
  void connected(core::slot_id id);
  void connect_failed(core::slot_id id, bool permanent);
  void closed(core::slot_id id);
  void watched(core::slot_id id);
  void fired(core::slot_id id);
  void resized(std::uint32_t most);
  std::uint32_t most() const { return most_; }
  void test_ended(core::slot_id id, bool well);
  /// \param key of a backend; none for all
  void invalidated(const std::string& key);
  void released(core::slot_id id, bool to_idle);
  void detached(core::slot_id id);
  void woken();
  void planned() {}
  void plan_failed();
  void waits(const core::waiter& who, time_point deadline);
  void cancels(const core::waiter& who);
  /// `try_take` or `try_claim` gave this slot, or none.
  void tried(const core::slot_base* slot);
  /// \param line where its holder claimed it
  void noted(core::slot_id id, unsigned line);

  // What came of it.

  /// No effect tells that decoherence asks for a rebalance: that is read from the core. With small slices a
  /// rebalance takes several events, and no effect tells when it reads which backend: that is read from the
  /// rows of the core. To be called before `decided`.
  void observe(world& pool);
  void decided(const core::effect& what);
  void finished(const core::waiter& who);
  void check(world& pool);

  // Questions.

  const connection* find(core::slot_id id) const;
  bool stopping() const { return stopping_; }
  std::uint32_t count(state which) const;
  std::uint32_t total() const;
  std::uint32_t established() const;  ///< Up, and not marked.
  std::uint32_t target() const { return target_; }
  std::uint64_t opened() const { return opened_; }
  std::uint64_t closed() const { return closed_; }
  std::uint64_t plans() const { return plans_; }
  /// How often decoherence asked for other backends.
  std::uint64_t regroups() const { return regroups_; }
  /// What the plans so far cost at the least, in connections opened.
  std::uint64_t least_churn() const { return least_churn_; }
  bool any_live() const;  ///< Not dead ones.
  /// Somebody is known, nobody live, and nothing is up.
  bool all_dead() const;
  bool any_announced() const;
  /// Claims fail since nobody is known, as the option says.
  bool refuses_empty() const;
  bool change_is_pending() const {
    return rebalance_due_.has_value() || plan_owed_ || plan_out_ || membership_differs();
  }
  const std::vector<member>& members() const { return members_; }
  const member& owner_of(const connection& one) const { return members_[one.owner]; }
  std::uint32_t held_by(std::size_t owner) const;
  const std::vector<connection>& by_index() const { return connections_; }

  /// Once nothing is pending: R1 in full.
  void check_quiet(world& pool) const;

 private:
  struct waiting {
    const core::waiter* who;
    time_point deadline;
    bool fresh;  ///< Registered by the event under way.
    bool cancelled;
    time_point since;
  };

  connection* of(core::slot_id id);
  member* known(const std::string& key);
  void note_change();
  /// Somebody was announced or withdrawn since the last rebalance.
  bool membership_differs() const;
  void opens(const core::effect& what);
  void closes(const core::effect& what);
  void overdue(const core::effect& what);
  void gathers();
  void rebalanced(world& pool);
  void regrouped(std::uint64_t how_often);
  /// What a strategy would be told of this backend.
  static backend_load load_of(const world& pool, const backend& what, std::uint32_t present);
  void dies(const core::effect& what);
  void revives(const core::effect& what);
  void connect_failure(const connection& one, bool permanent);
  void failed_attempt(const connection& one, bool permanent);
  const operation_recovery& recovery_of(const member& one) const {
    return one.was_up ? options_.recovery.of_connect() : options_.recovery.of_initial();
  }
  /// A backend died or returned, or decoherence moved one.
  void owe_plan() {
    ++changes_;
    ++plans_allowed_;
    plan_owed_ = !is_sliced_;
  }
  /// What a plan may give out.
  std::uint32_t places() const;
  bool was_proved(const connection& one) const;
  void was_of_use(const connection& one);
  bool is_past_least_life(const connection& one) const;
  bool may_be_worn(const connection& one) const;
  void is_tested(const core::effect& what);
  void take(connection& one);
  void becomes_idle(connection& one);
  void forget(connection& one);
  void check_stats(const pool_stats& stats) const;
  void put_back_held(world& pool);
  void check_slots(world& pool);
  void check_shares(const pool_stats& stats) const;
  void check_limits(bool is_at_work) const;
  void check_capacity(const pool_stats& stats);
  void check_waiters(world& pool) const;
  void check_dead(world& pool) const;
  void check_ages(world& pool) const;
  void check_progress(world& pool);

  setting setting_;
  pool_options options_;
  const composition& policies_;
  bool is_sliced_;
  bool is_elastic_;
  std::uint32_t most_;  ///< Connections that there may be.
  time_point now_{};
  bool started_ = false;
  bool stopping_ = false;
  bool woken_ = false;
  std::uint64_t run_ = 0;
  std::uint64_t resolver_failures_ = 0;
  resolver_state resolver_state_ = resolver_state::starting;

  std::vector<connection> connections_;  ///< By index.
  std::vector<member> members_;          ///< In the order of announcement.
  std::vector<waiting> claims_;          ///< In the order of arrival.
  std::vector<waiting> ready_;
  std::vector<waiting> stops_;

  std::optional<time_point> rebalance_due_;
  bool plan_owed_ = false;
  bool plan_failed_ = false;         ///< And no other has come into force since.
  bool news_due_ = false;            ///< The next plan takes in what the resolver said.
  std::uint32_t plans_allowed_ = 0;  ///< One for each time that the delay was over.
  bool plan_out_ = false;
  std::uint32_t places_ = 0;  ///< Of the plan that is out.
  // In their place with small slices: news may come between the time of a rebalance and its first slice.
  time_point last_change_ = time_point::min();
  std::uint64_t changes_ = 0;
  bool applied_ = false;  ///< A plan came into force in the event under way.
  std::uint32_t target_ = 0;
  bool returned_ = false;           ///< The monitor of some backend connected.
  bool finds_nobody_ = false;       ///< Some claim failed, since no backend is known.
  bool refuses_ = false;            ///< Some claim, since all are dead.
  std::uint32_t voluntary_ = 0;     ///< Connections of live backends given up by the event under way.
  std::uint32_t aged_ = 0;          ///< Marked since they were past their lifetime.
  std::uint32_t trimmed_ = 0;       ///< Likewise, of backends that are gone.
  bool was_at_work_ = false;        ///< After the event before.
  bool connect_timed_out_ = false;  ///< Told, and not closed yet.
  std::uint32_t ready_ended_ = 0;   ///< The most that a wait for readiness wanted and got in the event.
  std::uint64_t next_rank_ = 1;

  std::uint64_t opened_ = 0;
  std::uint64_t closed_ = 0;
  std::uint64_t plans_ = 0;
  std::uint64_t regroups_ = 0;
  std::uint64_t least_churn_ = 0;
  std::uint64_t connect_failures_ = 0;
  std::uint64_t broken_ = 0;
  std::uint64_t waited_ = 0;
  std::uint64_t timed_out_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t shed_ = 0;
  bool was_resolved_ = false;
  bool has_invalidated_ = false;
  std::uint64_t cancelled_ = 0;
};

}  // namespace cueball::laws
