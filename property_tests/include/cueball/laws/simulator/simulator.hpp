// SPDX-License-Identifier: BSL-1.0
/// \file
/// A pool's surroundings: a virtual clock, backends, connections and claimers that do whatever the script
/// says, and the ledger that watches. The same setting and script give the same run.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <cueball/laws/simulator/ledger.hpp>
#include <cueball/laws/simulator/setting.hpp>
#include <cueball/laws/simulator/world.hpp>

namespace cueball::laws {

/// What a backend does with a connect.
enum class manner : std::uint8_t {
  accepts,
  refuses,
  hangs,
  forbids,  ///< Refuses, and says that it will go on doing so.
};

class simulator {
 public:
  /// How many backends there are to announce.
  static constexpr std::size_t backends = 6;

  /// Started at once. \param told keep a history that can be read.
  explicit simulator(const setting& what, bool told = false);

  void run(const script& ops) {
    for (const auto& one : ops) step(one);
  }
  void step(const op& one);

  // What a script is made of, for properties that know what they want.

  void add(std::size_t which, std::uint32_t weight = 1, std::uint32_t priority = 0);
  void change(std::size_t which, std::uint32_t weight, std::uint32_t priority, int attribute = 0);
  void remove(std::size_t which);
  void behave(std::size_t which, manner how) { manners_[which] = how; }
  void stop();

  core::waiter& claim(time_point deadline);
  bool try_take();
  void cancel(core::waiter& who);
  std::size_t leases() const { return leases_.size(); }
  /// Cut ones are released as broken whatever `how` says.
  void release(std::size_t which, ending how = ending::good);
  /// Holders have got connections, and run on only later: until then the pool does not know where they
  /// claimed.
  void hold_up(bool holders);
  void detach(std::size_t which);
  core::waiter& wait_ready(std::uint32_t count, time_point deadline);
  core::waiter& wait_stopped(time_point deadline);

  /// Breaks every connection that is up; those that are watched say so.
  void cut_all();
  /// So many of one backend's.
  void cut(std::size_t which, std::uint32_t connections);
  /// The watch of some connection reports something, unless it is not up.
  void fire_watch(std::size_t which);

  /// There may be so many connections.
  void resize(std::uint32_t most);
  void invalidate();
  void invalidate(std::size_t which);

  void wait(duration length) { now_ = after(now_, length); }
  void wake();
  /// Wakes until there is nothing more to do at this time: after no more wakes than the slices that it takes.
  /// Effects are performed and plans made; nothing else is answered.
  void drain();
  /// Performs all effects and gives all answers that the backends' manners allow, until there is nothing more
  /// to do at this time. Plans are made; work that is due is done.
  void settle();
  /// The plan that is being made, if there is one, is there.
  bool answer_plan();
  /// `settle`, again and again, while time goes on by `length`.
  void live(duration length);
  /// As `live`, until `done`; false if that did not come within `length`.
  bool live_until(duration length, const std::function<bool()>& done);

  /// Everything gets well: backends accept, leases end, broken connections are noticed. Then checks that the
  /// pool is whole within the time that R10 gives it, as R1 wants it.
  void heal();
  /// Stops, ends all, and checks that nothing is left.
  void finish();

  bool has_pending_effects() const { return performed_ < effects_.size(); }
  time_point now() const { return now_; }
  const ledger& book() const { return book_; }
  world& pool() { return *pool_; }
  backend what(std::size_t which) const;
  /// The backend, 0 to 5, that a lease is of.
  std::size_t backend_of(std::size_t which) const;
  core::slot_id lease_id(std::size_t which) const { return leases_[which].id; }
  /// Was it cut?
  bool is_cut(core::slot_id id) const;
  /// How many checks and resets were begun.
  std::uint64_t tests() const { return tests_; }
  std::string history() const { return told_.str(); }
  /// Of all effects and answers; equal for equal runs.
  std::uint64_t fingerprint() const { return fingerprint_; }

 private:
  /// An answer that the outside owes.
  struct answer {
    enum class kind : std::uint8_t { connect, cancelled, close, watch, fire, test, planned };
    kind what;
    core::slot_id slot{};
    std::size_t where = 0;
  };

  /// A connection as the outside sees it.
  struct link {
    core::slot_id id;
    std::size_t where = 0;
    bool cut = false;
    bool armed = false;
  };

  struct lease {
    core::slot_base* slot;
    core::slot_id id;
    bool is_noted = false;
  };

  template <class... Words>
  void tell(const Words&... words) {
    if (is_told_) ((told_ << words), ...);
  }
  void mix(std::uint64_t value) {
    fingerprint_ = (fingerprint_ ^ value) * 0x100000001B3ULL;
    fingerprint_ ^= fingerprint_ >> 29U;
  }

  void begin();
  void done();
  bool perform();
  void perform_all() {
    while (perform()) {
    }
  }
  bool can_answer(const answer& one) const;
  void give(std::size_t which, unsigned variant);
  bool answer_one(unsigned variant);
  void claim_all(unsigned waiters, time_point deadline);
  void announce_anew(std::size_t which, unsigned slices);
  void fire(link& one);
  void watched(core::slot_id id);
  void begin_resolver_run();
  void restart_resolver(unsigned names);
  void nonsense(unsigned variant);
  void stale(unsigned variant);
  void noted(const core::effect& one);
  void keep_lease(core::slot_base* slot);
  void note_claims();
  link* link_of(core::slot_id id);
  core::waiter& new_waiter(core::waiter::kind what);

  setting setting_;
  std::unique_ptr<world> pool_;
  ledger book_;
  time_point now_{std::chrono::hours{1}};

  std::vector<core::effect> effects_;
  std::size_t performed_ = 0;
  std::vector<answer> owed_;
  std::vector<link> links_;  ///< By slot index.
  std::vector<core::slot_id> gone_;
  std::vector<lease> leases_;
  std::deque<std::unique_ptr<core::waiter>> waiters_;
  std::vector<manner> manners_;
  std::vector<backend> described_;
  std::uint64_t tests_ = 0;
  std::size_t noted_ = 0;
  bool are_held_up_ = false;
  bool resolver_runs_ = false;
  bool resolver_due_ = false;
  bool is_lazy_;

  std::uint64_t fingerprint_ = 0xCBF29CE484222325ULL;
  bool is_told_;
  std::ostringstream told_;
};

/// Runs `play` on a new simulator. If a rule breaks, runs it again to tell the history, and fails the
/// property.
void check_run(const setting& what, const std::function<void(simulator&)>& play);

/// How many runs each composition had since this was asked last.
std::map<const composition*, int> take_tally();

}  // namespace cueball::laws
