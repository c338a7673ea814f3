// SPDX-License-Identifier: BSL-1.0
/// \file
/// Rules R1 to R5 where a story tells more than random churn.

#include <algorithm>

#include <cueball/laws/law.hpp>
#include <cueball/laws/simulator/pool_law.hpp>
#include <cueball/laws/simulator/simulator.hpp>

namespace cueball::laws {

using namespace std::chrono_literals;

namespace {

/// A pool that is whole, over one to four backends.
setting whole_pool(compositions of, std::uint32_t at_least = 1) {
  auto what = *any_setting(of);
  what.lazy = false;
  what.warm = *rc::gen::inRange<std::uint32_t>(at_least, 4);
  return what;
}

/// Longer than anything that a pool over healthy backends may need.
duration long_enough(const setting& what) {
  return std::chrono::milliseconds{4 * (what.rebalance_ms + what.watch_ms) + 1};
}

}  // namespace

const std::vector<pool_law>& balance_laws() {
  static const std::vector<pool_law> laws{
      {"R3", "a burst of news inside one delay makes one rebalance",
       [](compositions of) {
         const auto what = whole_pool(of);
         const auto news = *rc::gen::container<std::vector<std::pair<int, int>>>(
             rc::gen::pair(rc::gen::inRange(0, 3), rc::gen::resize(100, rc::gen::inRange(0, 6))));
         check_run(what, [&](simulator& sim) {
           const auto before = sim.book().plans();
           const auto delay = sim.now() + std::chrono::milliseconds{what.rebalance_ms};
           sim.add(5);
           // All of them before the delay of the first is over, each of which would postpone it if it could.
           const auto step = std::chrono::milliseconds{what.rebalance_ms} / static_cast<int>(news.size() + 2);
           for (const auto& [kind, which] : news) {
             sim.wait(step);
             const auto one = static_cast<std::size_t>(which);
             if (kind == 0) sim.add(one);
             if (kind == 1) sim.remove(one);
             if (kind == 2) sim.change(one, 2, 0);
             sim.settle();
             demand_equal(sim.book().plans(), before, "R3: no rebalance before the delay is over");
           }
           sim.live_until(delay - sim.now(), [] { return false; });
           demand_equal(sim.book().plans(), before + 1, "R3: one rebalance, counted from the first news");
           sim.live(long_enough(what));
           demand_equal(sim.book().plans(), before + 1, "R3: and no other");
         });
       }},
      {"R3", "removed and added inside one delay nets to nothing",
       [](compositions of) {
         const auto what = whole_pool(of);
         const auto flaps = *rc::gen::container<std::vector<std::size_t>>(
             rc::gen::resize(100, rc::gen::inRange<std::size_t>(0, what.warm)));
         const auto claims = *rc::gen::inRange(0, 5);
         check_run(what, [&](simulator& sim) {
           for (int i = 0; i < claims; ++i) sim.try_take();
           const auto opened = sim.book().opened();
           const auto closed = sim.book().closed();
           for (const auto which : flaps) {
             sim.remove(which);
             sim.wake();
             sim.add(which, sim.what(which).weight);
             sim.settle();
           }
           sim.live(long_enough(what));
           demand_equal(sim.book().opened(), opened, "R3: nothing is opened");
           demand_equal(sim.book().closed(), closed, "R3: nothing is closed");
         });
       }},
      {"R2", "a plan that is asked for again is the same",
       [](compositions of) {
         auto what = *any_setting(of);
         const auto ops = *any_script(3.0, false);
         check_run(what, [&](simulator& sim) {
           sim.run(ops);
           sim.heal();
           const auto regroups = sim.book().regroups();
           const auto opened = sim.book().opened();
           const auto plans = sim.book().plans();
           for (std::size_t i = 0; i < simulator::backends; ++i) {
             const auto where = sim.what(i);
             sim.change(i, where.weight, where.priority, 77);
           }
           const bool known = sim.book().any_announced();
           sim.live(long_enough(what));
           if (sim.book().regroups() != regroups) return;  // then it is another plan
           demand_equal(sim.book().plans(), plans + known, "R3: news of attributes make one rebalance");
           demand_equal(sim.book().opened(), opened, "R2: a plan that is reached is the plan");
           sim.heal();
         });
       }},
      {"R2", "a plan is reached with its least churn, whatever is claimed",
       [](compositions of) {
         auto what = whole_pool(of);
         what.watched = false;
         const auto changes = *rc::gen::container<std::vector<std::pair<std::size_t, std::uint32_t>>>(
             rc::gen::pair(rc::gen::resize(100, rc::gen::inRange<std::size_t>(0, 4)),
                           rc::gen::resize(100, rc::gen::inRange<std::uint32_t>(0, 5))));
         const auto claims = *rc::gen::inRange(0, 9);
         check_run(what, [&](simulator& sim) {
           for (int i = 0; i < claims; ++i) sim.try_take();
           for (const auto& [which, weight] : changes) {
             const auto opened = sim.book().opened();
             const auto least = sim.book().least_churn();
             const auto regroups = sim.book().regroups();
             if (which < what.warm)
               sim.change(which, weight,
                          0);  // else backends would be gone, and what is claimed of them stays gone
             else
               sim.add(which, weight);
             sim.live(long_enough(what));
             if (sim.book().regroups() != regroups)
               continue;  // with news on the way, which the ledger left out
             // A strict pool may have to wait for the leases before it can open them all.
             const auto came = sim.book().opened() - opened;
             const auto expected = sim.book().least_churn() - least;
             demand(what.strict ? came <= expected : came == expected, "R2: no more is opened than must be");
             if (what.strict && came < expected) break;
           }
           sim.heal();
         });
       }},
      {"R4", "a removed backend's connections close: idle ones at the rebalance, claimed ones when released",
       [](compositions of) {
         const auto what = whole_pool(of);
         const auto claims = *rc::gen::inRange(0, 9);
         const auto victim = *rc::gen::inRange<std::size_t>(0, what.warm);
         check_run(what, [&](simulator& sim) {
           for (int i = 0; i < claims; ++i) sim.try_take();
           sim.remove(victim);
           sim.live(long_enough(what));
           std::uint32_t held = 0;
           for (std::size_t i = 0; i < sim.leases(); ++i) held += sim.backend_of(i) == victim;
           demand_equal(sim.book().held_by(victim), held, "R4: only what is claimed is left");
           while (sim.leases() > 0) {
             const bool its = sim.backend_of(0) == victim;
             sim.release(0);
             sim.settle();
             held -= its;
             demand_equal(sim.book().held_by(victim), held, "R4: closed when it is released");
             if (sim.try_take()) {
               demand(sim.backend_of(sim.leases() - 1) != victim, "R4: none is handed out");
               sim.release(sim.leases() - 1);
             }
           }
           sim.heal();
         });
       }},
      {"R5", "a backend that is announced but cannot be reached costs no capacity",
       [](compositions of) {
         auto what = whole_pool(of);
         what.watched = false;
         const auto how = *rc::gen::element(manner::refuses, manner::hangs);
         const auto claims = *rc::gen::inRange(0, 9);
         check_run(what, [&](simulator& sim) {
           for (int i = 0; i < claims; ++i) sim.try_take();
           for (const std::size_t which : {4U, 5U}) {
             sim.behave(which, how);
             sim.add(which, 3);
           }
           const auto end = sim.now() + 30s;
           const auto least =
               what.max_connections - (what.strict ? std::min(what.per_pool, what.max_connections) : 0U);
           // Each moment is looked at: the ledger checks R5, this the sum.
           while (sim.now() < end) {
             sim.settle();
             demand(sim.book().established() >= least, "R5: no capacity is lost to it");
             sim.wait(std::clamp<duration>(sim.pool().next_wake() - sim.now(), 1ms, 200ms));
           }
           sim.heal();
         });
       }},
      {"R6", "decoherence moves one connection at a time, and none where the strategy has no preferences",
       [](compositions of) {
         auto what = whole_pool(of);
         what.watched = false;
         what.decoherence_ms = 10'000;
         check_run(what, [&](simulator& sim) {
           for (int i = 0; i < 20; ++i) {
             const auto regroups = sim.book().regroups();
             const auto plans = sim.book().plans();
             const auto opened = sim.book().opened();
             sim.live(4s);  // time for one step, and for all that follows from it
             const auto steps = sim.book().regroups() - regroups;
             demand(steps <= what.policies->prefers, "R6: one step at a time");
             demand_equal(sim.book().plans() - plans, steps, "R6: no rebalance without a step");
             demand_equal(sim.book().opened() - opened, steps, "R6: each step moves one connection");
             sim.book().check_quiet(sim.pool());
           }
         });
       }},
      {"R5", "a replacement that is no longer wanted is cancelled, and nothing happened",
       [](compositions of) {
         auto what = whole_pool(of);
         what.strict = false;
         what.watched = false;
         const auto claims = *rc::gen::inRange(0, 9);
         check_run(what, [&](simulator& sim) {
           for (int i = 0; i < claims; ++i) sim.try_take();
           sim.behave(5, manner::hangs);
           sim.add(5, 5);
           sim.live(std::chrono::milliseconds{what.rebalance_ms});
           sim.remove(5);
           sim.live(std::chrono::milliseconds{what.rebalance_ms});
           demand_equal(sim.book().established(), what.max_connections,
                        "R5: the old connections are all there");
           demand_equal(sim.book().total(), what.max_connections, "R5: and no other");
           sim.heal();
         });
       }},
  };
  return laws;
}

}  // namespace cueball::laws
