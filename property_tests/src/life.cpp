// SPDX-License-Identifier: BSL-1.0
/// \file
/// Rules R14 and R15, the thinnest path, and worlds too large for one slice of work.

#include <cueball/laws/law.hpp>
#include <cueball/laws/simulator/pool_law.hpp>
#include <cueball/laws/simulator/simulator.hpp>

namespace cueball::laws {

using namespace std::chrono_literals;

const std::vector<pool_law>& life_laws() {
  static const std::vector<pool_law> laws{
      {"R1, R14", "a backend is added, its connections are made, claimed and released, and the pool stops",
       [](compositions of) {
         auto what = *any_setting(of);
         check_run(what, [&](simulator& sim) {
           sim.add(0);
           sim.heal();
           demand_equal(sim.book().established(), what.max_connections, "R1: the pool is whole");
           for (std::uint32_t i = 0; i < what.max_connections; ++i)
             demand(sim.try_take(), "what is idle is claimed");
           demand(!sim.try_take(), "and nothing else");
           while (sim.leases() > 0) sim.release(0);
           sim.finish();
         });
       }},
      {"R15", "a stop ends every wait, and a lease may outlive it",
       [](compositions of) {
         auto what = *any_setting(of);
         what.lazy = false;
         what.warm = *rc::gen::inRange<std::uint32_t>(0, 4);
         const auto waiters = *rc::gen::inRange(0, 200);
         const auto leases = *rc::gen::inRange<std::size_t>(0, 9);
         check_run(what, [&](simulator& sim) {
           while (sim.leases() < leases && sim.try_take()) {
           }
           std::vector<core::waiter*> all;
           for (int i = 0; i < waiters; ++i)
             all.push_back(i % 3 == 0 ? &sim.wait_ready(what.max_connections, never_comes)
                                      : &sim.claim(never_comes));
           const auto held = sim.leases();
           sim.stop();
           sim.stop();
           auto& early = sim.wait_stopped(sim.now() + 1s);
           auto& last = sim.wait_stopped(never_comes);
           sim.settle();
           for (const auto* const who : all)
             demand(who->now == core::waiter::state::finished &&
                        (who->granted || !who->error || who->error == errc::stopped),
                    "R15: stop ends every wait");
           demand_equal(sim.book().total(), held, "R15: the leases are left");
           demand(sim.claim(never_comes).error == errc::stopped, "R15: no claim after stop");
           sim.live(1s);
           demand(early.now == core::waiter::state::finished,
                  "R15: at its deadline a stop says what is left");
           demand_equal(early.left, held, "R15: what is left");
           demand((last.now == core::waiter::state::finished) == (held == 0),
                  "R15: a stop waits for the leases");
           sim.finish();
           demand(last.now == core::waiter::state::finished && last.left == 0, "R15: then it ends");
         });
       }},
  };
  return laws;
}

}  // namespace cueball::laws
