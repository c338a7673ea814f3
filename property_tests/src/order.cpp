// SPDX-License-Identifier: BSL-1.0
/// \file
/// Rules R7 to R9: who gets which connection, and when.

#include <algorithm>
#include <set>

#include <cueball/laws/law.hpp>
#include <cueball/laws/simulator/pool_law.hpp>
#include <cueball/laws/simulator/simulator.hpp>

namespace cueball::laws {

using namespace std::chrono_literals;

const std::vector<pool_law>& order_laws() {
  static const std::vector<pool_law> laws{
      {"R7", "after a fill, the first claims go round the backends",
       [](compositions of) {
         auto what = *any_setting(of);
         what.decoherence_ms = 300'000;
         what.lazy = false;
         what.warm = *rc::gen::inRange<std::uint32_t>(1, 4);
         what.max_connections = *rc::gen::inRange<std::uint32_t>(what.warm, 13);
         check_run(what, [&](simulator& sim) {
           const auto stats = sim.pool().stats();
           const bool is_even =
               std::all_of(stats.backends.begin(), stats.backends.end(), [&](const auto& row) {
                 return row.planned + 1 >= stats.backends.front().planned &&
                        row.planned <= stats.backends.front().planned + 1;
               });
           if (what.policies->order != queue_order::first_in_first_out || !is_even || stats.shuffles > 0)
             return;
           std::set<std::size_t> hit;
           for (std::uint32_t i = 0; i < what.warm; ++i) {
             demand(sim.try_take(), "the pool is whole");
             hit.insert(sim.backend_of(i));
           }
           demand_equal(hit.size(), what.warm, "R7: n claims over n backends hit each once");
         });
       }},
      {"R8, R9", "waiters are served in order of arrival, and those that gave up not at all",
       [](compositions of) {
         auto what = *any_setting(of);
         what.lazy = false;
         what.warm = 2;
         const auto wishes = *rc::gen::container<std::vector<std::pair<int, bool>>>(
             rc::gen::pair(rc::gen::resize(100, rc::gen::inRange(0, 20)), rc::gen::arbitrary<bool>()));
         const auto hold = *rc::gen::inRange(0, 10);
         check_run(what, [&](simulator& sim) {
           while (sim.try_take()) {
           }
           std::vector<core::waiter*> waiting;
           for (const auto& [patience, gives_up] : wishes) {
             auto& who =
                 sim.claim(patience == 0 ? never_comes : sim.now() + std::chrono::milliseconds{patience});
             if (gives_up)
               sim.cancel(who);
             else
               waiting.push_back(&who);
           }
           // Time goes on, and nobody wakes: the ones whose time has come are passed over in the same step.
           sim.wait(std::chrono::milliseconds{hold});
           std::size_t next = 0;
           while (next < waiting.size() && sim.leases() > 0) {
             while (next < waiting.size() && waiting[next]->deadline <= sim.now()) ++next;
             sim.release(0);
             if (next == waiting.size()) break;
             demand(waiting[next]->granted != nullptr,
                    "R9: the oldest that still waits is served in the same step");
             ++next;
           }
           for (; next < waiting.size(); ++next) demand(!waiting[next]->granted, "R8: in order of arrival");
         });
       }},
      {"R9", "a deadline is absolute, however often the claim is woken",
       [](compositions of) {
         auto what = *any_setting(of);
         what.lazy = false;
         what.warm = 1;
         const auto patience = std::chrono::milliseconds{*rc::gen::inRange(1, 5000)};
         const auto wakes = *rc::gen::inRange(1, 50);
         check_run(what, [&](simulator& sim) {
           while (sim.try_take()) {
           }
           const auto deadline = sim.now() + patience;
           auto& who = sim.claim(deadline);
           for (int i = 0; i < wakes; ++i) {
             sim.wait((deadline - sim.now()) / 2);
             sim.wake();
             sim.settle();
           }
           demand(sim.now() >= deadline || who.now == core::waiter::state::waiting,
                  "R9: not before its deadline");
           sim.live(deadline - sim.now());
           demand(who.now == core::waiter::state::finished && who.error == errc::claim_timeout,
                  "R9: at its deadline");
         });
       }},
  };
  return laws;
}

}  // namespace cueball::laws
