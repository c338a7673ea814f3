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
           auto middle = std::chrono::duration<double>{std::chrono::milliseconds{what.delay_ms}};
           const auto most = std::chrono::duration<double>{std::chrono::milliseconds{what.max_delay_ms}};
           const auto spread = what.spread_percent / 100.0;
           for (const auto& gap : gaps) {
             demand(gap >= middle * (1.0 - spread) - 1us && gap <= middle * (1.0 + spread) + 1us,
                    "R13: the delay doubles up to its maximum, give or take the spread");
             middle = std::min(2.0 * middle, most);
           }
           if (what.spread_percent > 0)
             demand(std::set<duration>(gaps.end() - 4, gaps.end()).size() > 1, "R13: the delay is spread");
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
      {"R11", "a connection that comes back broken is replaced, and its waiter served",
       [](compositions of) {
         auto what = *any_setting(of);
         what.lazy = false;
         what.warm = *rc::gen::inRange<std::uint32_t>(1, 6);
         const auto how = *rc::gen::element(ending::broken, ending::discarded);
         const bool detached = *rc::gen::arbitrary<bool>();
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
