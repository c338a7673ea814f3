// SPDX-License-Identifier: BSL-1.0
/// \file
/// Rules R10, R11 and R13: what happens after failures.

#include <algorithm>
#include <set>

#include <cueball/laws/chi_squared.hpp>
#include <cueball/laws/law.hpp>
#include <cueball/laws/simulator/pool_law.hpp>
#include <cueball/laws/simulator/simulator.hpp>

namespace cueball::laws {

using namespace std::chrono_literals;

namespace {

duration longest_delay(const setting& what) {
  return std::chrono::milliseconds{what.max_delay_ms * (100 + what.spread_percent) / 100 + 1};
}

/// What a plan gives out while somebody is dead.
std::uint32_t places_beside_the_dead(const setting& what) {
  return what.strict && what.max_connections > 1 ? what.max_connections - 1 : what.max_connections;
}

}  // namespace

const std::vector<pool_law>& recovery_laws() {
  static const std::vector<pool_law> laws{
      {"R10", "after an outage of any length the pool is whole again within one maximum delay",
       [](compositions of) {
         auto what = *any_setting(of);
         what.lazy = false;
         what.watched = true;
         what.warm = *rc::gen::inRange<std::uint32_t>(1, 6);
         const auto how = *rc::gen::element(manner::refuses, manner::hangs);
         const auto outage = *rc::gen::element<duration>(10ms, 1s, 60s, 10min);
         check_run(what, [&](simulator& sim) {
           for (std::size_t i = 0; i < simulator::backends; ++i) sim.behave(i, how);
           sim.cut_all();
           sim.live(outage);
           demand_equal(sim.book().established(), 0, "the outage is one");
           for (std::size_t i = 0; i < simulator::backends; ++i) sim.behave(i, manner::accepts);
           // A connect that hangs is abandoned first; what answers now answers at once.
           const auto whole = [&] { return sim.book().established() == what.max_connections; };
           demand(sim.live_until(longest_delay(what), whole),
                  "R10: whole within (1 + spread) times the maximum delay");
           sim.heal();
         });
       }},
      {"R13", "a backend that refuses is tried again ever more slowly, and for ever",
       [](compositions of) {
         auto what = *any_setting(of);
         what.lazy = false;
         what.warm = 0;
         check_run(what, [&](simulator& sim) {
           sim.behave(0, manner::refuses);
           sim.add(0);
           sim.live(std::chrono::milliseconds{what.rebalance_ms});
           std::vector<duration> gaps;
           auto opened = sim.book().opened();
           demand(opened > 0, "R10: the connect is tried");
           auto last = sim.now();
           while (gaps.size() < 12) {
             const auto more = [&] { return sim.book().opened() != opened; };
             demand(sim.live_until(longest_delay(what), more), "R10: a connect that failed is tried again");
             gaps.push_back(sim.now() - last);
             demand(sim.book().opened() - opened <= what.per_backend, "R13: no more than may be in flight");
             opened = sim.book().opened();
             last = sim.now();
           }
           const auto most = std::chrono::duration<double>{std::chrono::milliseconds{what.max_delay_ms}};
           auto middle = std::chrono::duration<double>{std::chrono::milliseconds{what.delay_ms}};
           const auto spread = what.spread_percent / 100.0;
           std::uint32_t failures = 0;
           for (const auto& gap : gaps) {
             if (++failures >= what.retries) middle = most;  // it is dead
             demand(gap >= middle * (1.0 - spread) - 1us && gap <= middle * (1.0 + spread) + 1us,
                    "R13: the delay doubles up to its maximum, give or take the spread");
             middle = std::min(2.0 * middle, most);
           }
           if (what.spread_percent > 0)
             demand(std::set<duration>(gaps.end() - 4, gaps.end()).size() > 1, "R13: the delay is spread");
         });
       }},
      {"R13", "what is opened to a backend keeps within its rate, and the pool becomes whole",
       [](compositions of) {
         auto what = *any_setting(of);
         what.lazy = false;
         what.watched = true;
         what.warm = *rc::gen::inRange<std::uint32_t>(1, 6);
         what.churn_rate = *rc::gen::element<std::uint32_t>(1, 7, 40, 1000);
         const auto outages = *rc::gen::inRange(1, 5);
         check_run(what, [&](simulator& sim) {
           for (int i = 0; i < outages; ++i) {
             sim.cut_all();
             sim.live(std::chrono::milliseconds{100});
           }
           sim.heal();
         });
       }},
      {"R13", "a backend that accepts and hangs up at once is not hammered",
       [](compositions of) {
         auto what = *any_setting(of);
         what.lazy = false;
         what.watched = true;
         what.warm = 0;
         what.stable_ms = 1000;
         check_run(what, [&](simulator& sim) {
           sim.add(0);
           const auto end = sim.now() + 20s;
           while (sim.now() < end) {
             sim.settle();
             sim.cut_all();
             sim.settle();
             sim.wait(std::clamp<duration>(sim.pool().next_wake() - sim.now(), 1ms, 1s));
           }
           // Each delay allows one round of at most max_connections connects.
           const auto shortest = what.delay_ms * (100 - what.spread_percent) / 100.0;
           const auto rounds = what.spread_percent == 100 ? 20000.0 : 20000.0 / std::max(1.0, shortest) + 2.0;
           demand(static_cast<double>(sim.book().opened()) <= rounds * what.max_connections,
                  "R13: a connection that breaks at once counts as a failed attempt");
         });
       }},
      {"R13", "a backend that refuses or hangs delays no other",
       [](compositions of) {
         auto what = *any_setting(of);
         what.lazy = false;
         what.watched = true;
         what.strict = false;
         what.warm = 2;
         const auto bad = *rc::gen::inRange<std::uint32_t>(1, 3);
         what.per_pool = (bad + 1) * what.per_backend;
         what.max_delay_ms = 2000;
         const auto how = *rc::gen::element(manner::refuses, manner::hangs);
         const auto outage = *rc::gen::element<duration>(10ms, 1s, 60s);
         check_run(what, [&](simulator& sim) {
           for (std::size_t i = 2; i < 2 + bad; ++i) {
             sim.behave(i, how);
             sim.add(i);
           }
           sim.live(outage);
           sim.behave(5, manner::accepts);
           sim.add(5);
           const auto news = sim.now();
           sim.live(std::chrono::milliseconds{what.rebalance_ms});
           for (const auto& row : sim.pool().stats().backends)
             if (row.where == sim.what(5))
               demand(row.slots.idle >= row.planned,
                      "R13: the new one has its share as soon as there is a plan");
           demand(sim.now() == news + std::chrono::milliseconds{what.rebalance_ms}, "no longer than that");
           sim.heal();
         });
       }},
      {"R13", "attempts come as in node-cueball's table",
       [](compositions of) {
         auto what = *any_setting(of);
         what.lazy = false;
         what.warm = 0;
         what.retries = 3;
         what.timeout_ms = 1000;
         what.max_timeout_ms = 10000;
         what.delay_ms = 100;
         what.max_delay_ms = 400;
         what.spread_percent = 0;
         check_run(what, [&](simulator& sim) {
           sim.behave(0, manner::hangs);
           sim.add(0);
           sim.live(std::chrono::milliseconds{what.rebalance_ms});
           const auto start = sim.now();
           auto opened = sim.book().opened();
           demand(opened > 0, "R10: the connect is tried");
           for (const auto at : {1100ms, 3300ms, 7700ms, 7700ms + 4400ms}) {
             const auto more = [&] { return sim.book().opened() != opened; };
             demand(sim.live_until(10s, more), "R10: a connect that failed is tried again");
             demand(sim.now() - start == at, "R13: the attempts are at 0, 1.1, 3.3 s; the probes follow");
             opened = sim.book().opened();
           }
         });
       }},
      {"R13", "the first attempts have a recovery of their own, until a connection was made",
       [](compositions of) {
         auto what = *any_setting(of);
         what.lazy = false;
         what.watched = true;
         what.warm = 0;
         what.max_connections = 1;
         what.retries = 1000;
         what.spread_percent = 0;
         what.initial_delay_ms = *rc::gen::inRange<std::uint32_t>(1, 10);
         check_run(what, [&](simulator& sim) {
           sim.behave(0, manner::refuses);
           sim.add(0);
           sim.live(std::chrono::milliseconds{what.rebalance_ms});
           const auto gap = [&] {
             const auto since = sim.now();
             const auto opened = sim.book().opened();
             demand(sim.live_until(10s, [&] { return sim.book().opened() != opened; }), "R10: it goes on");
             return sim.now() - since;
           };
           demand(gap() == std::chrono::milliseconds{what.initial_delay_ms},
                  "the first delay is `initial`'s");
           sim.behave(0, manner::accepts);
           sim.live(std::chrono::milliseconds{what.max_delay_ms + what.stable_ms});
           demand_equal(sim.book().established(), 1, "it connects");
           sim.behave(0, manner::refuses);
           sim.cut_all();
           sim.settle();
           demand(gap() == std::chrono::milliseconds{what.delay_ms}, "the next ones are `connect`'s");
         });
       }},
      {"R13", "a backend whose retries are used up is dead: the others have its share, until it returns",
       [](compositions of) {
         auto what = *any_setting(of);
         what.lazy = false;
         what.watched = true;
         what.warm = *rc::gen::inRange<std::uint32_t>(2, 6);
         what.retries = *rc::gen::inRange<std::uint32_t>(1, 4);
         const auto how = *rc::gen::element(manner::refuses, manner::hangs, manner::forbids);
         const bool keeps_one = *rc::gen::arbitrary<bool>();
         check_run(what, [&](simulator& sim) {
           const auto row = [&](std::size_t which) {
             for (const auto& one : sim.pool().stats().backends)
               if (one.where == sim.what(which)) return one;
             throw rule_broken{"R14: a backend that is known has a row"};
           };
           if (row(0).planned == 0) return;
           sim.behave(0, how);
           sim.cut(0, row(0).planned - (keeps_one && row(0).planned > 1 ? 1 : 0));
           const auto attempts = std::chrono::milliseconds{
               what.retries * (what.max_timeout_ms + 2 * what.max_delay_ms) + 4 * what.watch_ms};
           const auto moves = sim.book().regroups();
           const bool is_dead = sim.live_until(attempts, [&] { return row(0).dead; });
           demand(is_dead || sim.book().regroups() > moves,
                  "R13: it is dead, unless the subset moved away from it first");
           if (!is_dead) return;
           sim.live(std::chrono::milliseconds{4 * what.watch_ms});
           const auto places = places_beside_the_dead(what);
           demand_equal(sim.book().established(), places, "R13: the others have its share");
           demand_equal(row(0).slots.idle, 0, "R13: its slots are gone");
           sim.live(1h);
           demand_equal(sim.book().established(), places, "R13: and keep it");
           if (what.strict && what.max_connections == 1) return;  // no place for a monitor
           sim.behave(0, manner::accepts);
           const auto failures = sim.pool().stats().counters.connect_failures;
           const auto opened = sim.book().opened() - failures;
           const auto regroups = sim.book().regroups();
           demand(sim.live_until(longest_delay(what), [&] { return !row(0).dead; }),
                  "R10: it is back within one maximum delay");
           sim.heal();
           demand(sim.book().opened() - sim.pool().stats().counters.connect_failures - opened <=
                      std::max(1U, row(0).planned) + 2 * (sim.book().regroups() - regroups),
                  "R2: no more is opened than it has, the monitor's connection among it");
         });
       }},
      {"R13", "an error that is permanent goes straight to the slow probe",
       [](compositions of) {
         auto what = *any_setting(of);
         what.lazy = false;
         what.warm = 0;
         what.retries = 1000;
         check_run(what, [&](simulator& sim) {
           sim.behave(0, manner::forbids);
           sim.add(0);
           sim.live(std::chrono::milliseconds{what.rebalance_ms});
           demand(sim.pool().stats().backends.front().dead, "R13: it is dead at once");
           const auto opened = sim.book().opened();
           const auto shortest = std::chrono::duration<double>{std::chrono::milliseconds{what.max_delay_ms}} *
                                 (1.0 - what.spread_percent / 100.0);
           const auto since = sim.now();
           for (int probes = 1; probes <= 5; ++probes) {
             const auto more = [&] {
               return sim.book().opened() != opened + static_cast<unsigned>(probes) - 1;
             };
             demand(sim.live_until(longest_delay(what), more), "R13: it is probed, and for ever");
             demand(sim.now() - since >= probes * shortest - 1ms, "R13: after the longest delay each time");
           }
         });
       }},
      {"R13", "leases from before an outage do not prolong it, however late they come back",
       [](compositions of) {
         auto what = *any_setting(of);
         what.lazy = false;
         what.watched = true;
         what.warm = 1;
         what.max_connections = *rc::gen::inRange<std::uint32_t>(6, 9);
         what.retries = 3;
         what.timeout_ms = what.max_timeout_ms = 1000;
         what.stable_ms = 200;
         check_run(what, [&](simulator& sim) {
           sim.live(1s);
           while (sim.try_take()) {
           }
           sim.behave(0, manner::refuses);
           sim.cut_all();
           // One after the other, each after the delay for the one before it.
           while (sim.leases() > 1) {
             sim.release(0);
             sim.live(longest_delay(what));
           }
           demand(sim.pool().stats().backends.front().dead, "R13: its retries are used up");
         });
       }},
      {"R13", "failures from before a connection was of use count no longer, whatever became of it",
       [](compositions of) {
         auto what = *any_setting(of);
         what.lazy = false;
         what.warm = 0;
         what.max_connections = what.per_backend = what.per_pool = 1;
         what.retries = 3;
         what.strict = false;
         const auto how = *rc::gen::element(ending::good, ending::discarded, ending::broken);
         const bool detached = *rc::gen::arbitrary<bool>();
         check_run(what, [&](simulator& sim) {
           sim.behave(0, manner::refuses);
           sim.add(0);
           const auto failures = [&] { return sim.pool().stats().counters.connect_failures; };
           sim.live_until(1min, [&] { return failures() == 2; });
           sim.behave(0, manner::accepts);
           demand(sim.live_until(1min, [&] { return sim.book().established() == 1; }), "it connects");
           demand(sim.try_take(), "it is claimed");
           sim.release(0);
           demand(sim.try_take(), "and again");
           sim.behave(0, manner::refuses);
           if (detached)
             sim.detach(0);
           else
             sim.release(0, how);
           sim.cut_all();
           sim.settle();
           demand(!sim.pool().stats().backends.front().dead, "R13: that was the first failure in a row");
         });
       }},
      {"R13", "an error that is permanent counts, though another attempt failed before",
       [](compositions of) {
         auto what = *any_setting(of);
         what.lazy = true;
         what.warm = 0;
         what.max_connections = 2;
         what.per_backend = what.per_pool = 2;
         what.retries = 1000;
         check_run(what, [&](simulator& sim) {
           sim.behave(0, manner::refuses);
           sim.add(0);
           while (sim.book().count(core::slot_state::connecting) < 2) {
             sim.step({op_kind::tick, 0, 0});
             while (sim.has_pending_effects()) sim.step({op_kind::perform, 0, 0});
             sim.answer_plan();
           }
           while (sim.has_pending_effects()) sim.step({op_kind::perform, 0, 0});
           sim.step({op_kind::answer, 0, 0});
           demand(!sim.pool().stats().backends.front().dead, "one refused");
           sim.behave(0, manner::forbids);
           sim.step({op_kind::answer, 0, 0});
           demand(sim.pool().stats().backends.front().dead, "R13: the other one said that it is no use");
         });
       }},
      {"R3", "a death takes nothing in that the resolver said since the last rebalance",
       [](compositions of) {
         auto what = *any_setting(of);
         what.lazy = false;
         what.warm = 3;
         what.rebalance_ms = 1000;
         what.retries = 1;
         what.stable_ms = 5000;
         const auto how = *rc::gen::element(ending::broken, ending::discarded);
         check_run(what, [&](simulator& sim) {
           if (sim.pool().stats().backends.back().slots.idle == 0) return;
           const auto closed_of = [&] { return sim.pool().stats().backends.front().counters.closed; };
           const auto closed = closed_of();
           sim.remove(0);
           // The first use of one of the third fails at once: that is a failed attempt, and the last.
           while (sim.try_take()) {
           }
           for (std::size_t i = 0; i < sim.leases(); ++i)
             if (sim.backend_of(i) == 2) {
               sim.release(i, how);
               break;
             }
           sim.settle();
           demand(sim.pool().stats().backends.back().dead, "R13: it is dead");
           sim.add(0);
           sim.settle();
           demand_equal(closed_of(), closed, "R3: removed and added inside one delay nets to nothing");
           while (sim.leases() > 0) sim.release(0);
           sim.heal();
         });
       }},
      {"R13", "what still works of the last backend that dies is kept",
       [](compositions of) {
         auto what = *any_setting(of);
         what.lazy = false;
         what.watched = true;
         what.warm = 1;
         what.max_connections = *rc::gen::inRange<std::uint32_t>(2, 9);
         what.retries = *rc::gen::inRange<std::uint32_t>(1, 4);
         const auto how = *rc::gen::element(manner::refuses, manner::hangs, manner::forbids);
         check_run(what, [&](simulator& sim) {
           sim.behave(0, how);
           sim.cut(0, what.max_connections - 1);
           const auto is_dead = [&] { return sim.pool().stats().backends.front().dead; };
           demand(sim.live_until(10min, is_dead), "R13: its retries are used up");
           sim.live(10min);
           demand_equal(sim.book().established(), 1, "R13: nobody could take over");
           demand(sim.try_take(), "R13: it can be claimed");
           sim.heal();
         });
       }},
      {"R13", "when every backend is dead, claims fail at once, until a monitor connects",
       [](compositions of) {
         auto what = *any_setting(of);
         what.lazy = false;
         what.watched = true;
         what.warm = *rc::gen::inRange<std::uint32_t>(1, 6);
         what.retries = *rc::gen::inRange<std::uint32_t>(1, 4);
         const auto how = *rc::gen::element(manner::refuses, manner::hangs, manner::forbids);
         check_run(what, [&](simulator& sim) {
           for (std::size_t i = 0; i < simulator::backends; ++i) sim.behave(i, how);
           sim.cut_all();
           sim.settle();
           auto& waits = sim.claim(never_comes);
           const auto most = std::chrono::milliseconds{
               (what.retries + 1) * (what.max_timeout_ms + 2 * what.max_delay_ms) * 12 + 4 * what.watch_ms};
           const auto failed = [&] { return sim.pool().state() == pool_state::failed; };
           demand(sim.live_until(most, failed), "R13: the pool has failed");
           demand(waits.error == errc::all_dead, "R13: who waited is told");
           demand(sim.claim(never_comes).error == errc::all_dead, "R13: who comes is told at once");
           for (std::size_t i = 0; i < simulator::backends; ++i) sim.behave(i, manner::accepts);
           demand(sim.live_until(longest_delay(what), [&] { return !failed(); }), "R10: it is back");
           demand(sim.claim(never_comes).granted != nullptr, "and claims are served");
           sim.heal();
         });
       }},
      {"R13", "monitors that hang keep no live backend from its share",
       [](compositions of) {
         auto what = *any_setting(of);
         what.lazy = false;
         what.warm = 0;
         what.retries = 1;
         what.per_pool = *rc::gen::inRange<std::uint32_t>(2, 8);
         check_run(what, [&](simulator& sim) {
           for (std::size_t i = 0; i < 5; ++i) {
             sim.behave(i, manner::hangs);
             sim.add(i);
           }
           sim.live_until(10min, [&] { return sim.pool().state() == pool_state::failed; });
           sim.live(std::chrono::seconds{*rc::gen::inRange(0, 100)});
           sim.add(5);
           sim.live(std::chrono::milliseconds{what.rebalance_ms});
           const auto places = places_beside_the_dead(what);
           // A strict pool of one waits for the probe that has its only place.
           if (!what.strict || what.max_connections > 1)
             demand_equal(sim.book().established(), places, "R13: live backends go first");
         });
       }},
      {"R3", "removed and announced again, a dead backend starts afresh; inside one delay, it stays dead",
       [](compositions of) {
         auto what = *any_setting(of);
         what.lazy = false;
         what.warm = 0;
         what.retries = 1;
         what.max_delay_ms = 2000;
         what.spread_percent = 0;
         check_run(what, [&](simulator& sim) {
           sim.behave(0, manner::refuses);
           sim.add(0);
           sim.live(std::chrono::milliseconds{what.rebalance_ms});
           demand(sim.pool().state() == pool_state::failed, "R13: it is dead");
           sim.behave(0, manner::accepts);
           sim.remove(0);
           sim.add(0);
           sim.live(2 * std::chrono::milliseconds{what.rebalance_ms});
           demand(sim.pool().stats().backends.front().dead, "R3: the mark stays");
           sim.remove(0);
           sim.live(std::chrono::milliseconds{what.rebalance_ms});
           demand(sim.pool().state() == pool_state::starting, "R13: with none known, nobody is dead");
           sim.add(0);
           sim.live(std::chrono::milliseconds{what.rebalance_ms});
           demand_equal(sim.book().established(), what.max_connections, "R3: afresh");
         });
       }},
      {"R13", "two pools that lost a server together do not try it again in step",
       [](compositions of) {
         auto what = *any_setting(of);
         what.lazy = false;
         what.warm = 0;
         what.retries = *rc::gen::element<std::uint32_t>(3, 1000);
         what.per_backend = what.per_pool = 1;
         what.timeout_ms = 1000;
         const auto attempts = [&](std::uint64_t seed, std::uint32_t spread_percent) {
           std::vector<time_point> all;
           auto its = what;
           its.seed = seed;
           its.spread_percent = spread_percent;
           check_run(its, [&](simulator& sim) {
             all.clear();
             sim.behave(0, manner::refuses);
             sim.add(0);
             for (auto opened = sim.book().opened(); all.size() < 60; opened = sim.book().opened()) {
               const auto more = [&] { return sim.book().opened() != opened; };
               demand(sim.live_until(1h, more), "R10: it is tried again");
               all.push_back(sim.now());
             }
           });
           return all;
         };
         // Of those that both make after the delay has grown: how many are within a tenth of the spread?
         const auto in_step = [&](std::uint32_t spread_percent) {
           const auto one = attempts(what.seed, spread_percent);
           const auto other = attempts(what.seed + 1, spread_percent);
           const auto near = std::chrono::milliseconds{what.max_delay_ms} / 50;
           return std::count_if(one.begin() + 10, one.end(), [&](time_point at) {
             return std::any_of(other.begin(), other.end(),
                                [&](time_point its) { return its > at - near && its < at + near; });
           });
         };
         demand(in_step(20) < 25, "R13: their delays are spread");
         demand(in_step(0) == 50, "without a spread they would be");
       }},
      {"R11", "a connection that comes back broken is replaced, and its waiter served",
       [](compositions of) {
         auto what = *any_setting(of);
         what.lazy = false;
         what.warm = *rc::gen::inRange<std::uint32_t>(1, 6);
         const auto how = *rc::gen::element(ending::broken, ending::discarded);
         const bool detached = *rc::gen::arbitrary<bool>();
         what.retries = 1000;
         check_run(what, [&](simulator& sim) {
           while (sim.try_take()) {
           }
           auto& who = sim.claim(never_comes);
           if (detached)
             sim.detach(0);
           else
             sim.release(0, how);
           demand(!who.granted, "R11: it is not handed out");
           sim.live(longest_delay(what));
           demand(who.granted != nullptr, "R10: the one that replaces it goes to the waiter");
           demand_equal(sim.book().established(), what.max_connections, "R11: it is replaced");
         });
       }},
      {"R11", "an idle connection that breaks is noticed within the watch delay and replaced",
       [](compositions of) {
         auto what = *any_setting(of);
         what.lazy = false;
         what.watched = true;
         what.warm = 2;
         const auto fires = *rc::gen::container<std::vector<std::size_t>>(
             rc::gen::resize(100, rc::gen::inRange<std::size_t>(0, 8)));
         check_run(what, [&](simulator& sim) {
           // While claimed, the answers to the claimer's requests fire the watches.
           while (sim.try_take()) {
           }
           for (const auto which : fires) {
             sim.fire_watch(which);
             sim.settle();
           }
           while (sim.leases() > 0) sim.release(0);
           sim.live(2 * std::chrono::milliseconds{what.watch_ms});
           // A reactor may report the last answer after the watch was armed anew, but only once.
           if (!fires.empty()) sim.fire_watch(fires.front());
           sim.settle();
           const auto broken = sim.pool().stats().counters.broken;
           demand_equal(broken, 0, "R11: an answer is not the peer's close");
           sim.cut_all();
           sim.settle();
           demand_equal(sim.pool().stats().counters.broken, what.max_connections,
                        "R11: every close is noticed");
           sim.heal();
         });
       }},
  };
  return laws;
}

}  // namespace cueball::laws
