// SPDX-License-Identifier: BSL-1.0
/// \file
/// More claims than connections, for long.

#include <cueball/laws/law.hpp>
#include <cueball/laws/simulator/pool_law.hpp>
#include <cueball/laws/simulator/simulator.hpp>

namespace cueball::laws {

using namespace std::chrono_literals;

const std::vector<pool_law>& overload_laws() {
  static const std::vector<pool_law> laws{
      {"R9", "when as many wait as may, the newest claim is refused, and nobody else",
       [](compositions of) {
         auto what = *any_setting(of);
         what.lazy = false;
         what.warm = 1;
         what.max_waiters = *rc::gen::inRange<std::uint32_t>(1, 5);
         check_run(what, [&](simulator& sim) {
           while (sim.try_take()) {
           }
           std::vector<const core::waiter*> waiting;
           for (std::uint32_t i = 0; i < what.max_waiters; ++i) waiting.push_back(&sim.claim(never_comes));
           demand(sim.claim(never_comes).error == errc::too_many_waiters, "the newest is refused");
           for (const auto* const who : waiting) {
             demand(who->now == core::waiter::state::waiting, "the others wait");
             sim.release(0);
             demand(who->granted != nullptr, "and are served");
           }
           auto& next = sim.claim(never_comes);
           demand(next.now == core::waiter::state::waiting, "there is room again");
           sim.release(0);
         });
       }},
      {"R9", "in a long overload claims are shed, so that those that are served have not waited for long",
       [](compositions of) {
         auto what = *any_setting(of);
         what.lazy = false;
         what.warm = 1;
         what.max_connections = 1;
         what.target_delay_ms = *rc::gen::inRange<std::uint32_t>(5, 50);
         const auto surplus = *rc::gen::inRange(1, 4);
         check_run(what, [&](simulator& sim) {
           const auto target = std::chrono::milliseconds{what.target_delay_ms};
           demand(sim.try_take(), "it is whole");
           std::vector<std::pair<time_point, const core::waiter*>> waiting;
           bool by_delay = false;  // and not since it was too old
           duration longest{};
           const auto begin = sim.now();
           for (int round = 0; round < 2200; ++round) {
             for (int i = 0; i <= surplus; ++i) waiting.emplace_back(sim.now(), &sim.claim(never_comes));
             sim.live(1ms);
             if (sim.leases() > 0) sim.release(0);
             std::erase_if(waiting, [&](const auto& each) {
               const auto& [since, who] = each;
               const auto waited = sim.now() - since;
               if (who->granted && sim.now() - begin > 20 * target + 1s) longest = std::max(longest, waited);
               if (who->error == errc::overloaded && waited < 3 * target) by_delay = true;
               demand(waited <= 10 * target, "C5: nobody waits for longer than ten targets");
               return who->now == core::waiter::state::finished;
             });
           }
           demand(by_delay, "C5: somebody is shed");
           demand(longest <= 3 * target + 1ms, "C5: those that are served have not waited for three targets");
           sim.heal();
         });
       }},
      {"R9", "with error_on_empty, claims fail while the resolver has found nobody",
       [](compositions of) {
         auto what = *any_setting(of);
         what.lazy = false;
         what.warm = 0;
         what.error_on_empty = true;
         const bool by_failure = *rc::gen::arbitrary<bool>();
         check_run(what, [&](simulator& sim) {
           auto& first = sim.claim(never_comes);
           demand(first.now == core::waiter::state::waiting, "nothing is known yet");
           if (by_failure)
             sim.step({op_kind::nonsense, 0, 2});  // the resolver says that it failed
           else
             sim.step({op_kind::refresh, 0, 0});  // a round without anybody
           sim.settle();
           demand(first.error == errc::no_backend, "who waited is told");
           demand(sim.claim(never_comes).error == errc::no_backend, "who comes is told at once");
           sim.add(0);
           auto& next = sim.claim(never_comes);
           sim.live(std::chrono::milliseconds{what.rebalance_ms});
           demand(next.granted != nullptr, "when there is somebody, claims are served");
           sim.remove(0);
           sim.live(std::chrono::milliseconds{what.rebalance_ms});
           demand(sim.claim(never_comes).error == errc::no_backend,
                  "also while a lease of the last one is out");
           sim.heal();
         });
       }},
  };
  return laws;
}

}  // namespace cueball::laws
