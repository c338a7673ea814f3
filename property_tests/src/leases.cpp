// SPDX-License-Identifier: BSL-1.0
/// \file
/// Leases that are out for long.

#include <chrono>
#include <vector>

#include <cueball/laws/law.hpp>
#include <cueball/laws/simulator/pool_law.hpp>
#include <cueball/laws/simulator/simulator.hpp>

namespace cueball::laws {

using namespace std::chrono_literals;

const std::vector<pool_law>& lease_laws() {
  static const std::vector<pool_law> laws{
      {"R17", "a lease held beyond the limit is told of once, one held for less never",
       [](compositions of) {
         auto what = *any_setting(of);
         what.lazy = false;
         what.warm = *rc::gen::inRange<std::uint32_t>(1, 6);
         what.lease_ms = *rc::gen::element<std::uint32_t>(2, 35, 1000);
         what.slice = *rc::gen::element<std::uint32_t>(3, setting::usual_slice);
         const auto holds = *rc::gen::container<std::vector<int>>(12, rc::gen::inRange(1, 320));
         check_run(what, [&](simulator& sim) {
           // The ledger sees to it that none is told of twice, or too early.
           const auto limit = duration{std::chrono::milliseconds{what.lease_ms}};
           for (const auto percent : holds) {
             while (sim.try_take()) {
             }
             demand(sim.leases() > 0, "there is something to hold");
             const auto hold = limit * percent / 100;
             sim.live(hold);
             for (const auto& one : sim.book().by_index())
               if (one.now == core::slot_state::claimed && hold > limit * 3 / 2 + 1us)
                 demand(one.is_told_of, "R17: a lease is told of within one and a half times the limit");
             while (sim.leases() > 0) sim.release(0);
             sim.live(1ms);
           }
           sim.heal();
         });
       }},
      {"R17", "a lease is told of when its holder has run on, with where that claimed",
       [](compositions of) {
         auto what = *any_setting(of);
         what.lazy = false;
         what.warm = *rc::gen::inRange<std::uint32_t>(1, 6);
         what.lease_ms = *rc::gen::element<std::uint32_t>(2, 35, 1000);
         const auto held_up_for = *rc::gen::inRange(0, 500);
         check_run(what, [&](simulator& sim) {
           // The ledger sees to it that none is told of without, or with that of the holder before.
           const auto limit = duration{std::chrono::milliseconds{what.lease_ms}};
           for (int i = 0; i < 3; ++i) {
             sim.hold_up(true);
             while (sim.try_take()) {
             }
             demand(sim.leases() > 0, "there is something to hold");
             sim.live(limit * held_up_for / 100);
             sim.hold_up(false);
             sim.live(limit * 3 / 2 + 2us);
             for (const auto& one : sim.book().by_index())
               if (one.now == core::slot_state::claimed) demand(one.is_told_of, "R17: it is told of then");
             while (sim.leases() > 0) sim.release(0);
             sim.live(1ms);
           }
           sim.heal();
         });
       }},
      {"R17", "whatever happens, no lease is told of too early, or twice, or after a stop",
       [](compositions of) {
         auto what = *any_setting(of);
         what.lease_ms = *rc::gen::element<std::uint32_t>(2, 50, 300);
         const auto ops = *any_script(3, true);
         const auto held_up = *rc::gen::arbitrary<std::vector<bool>>();
         check_run(what, [&](simulator& sim) {
           for (std::size_t i = 0; i < ops.size(); ++i) {
             if (!held_up.empty()) sim.hold_up(held_up[i % held_up.size()]);
             sim.step(ops[i]);
           }
           sim.hold_up(false);
           sim.heal();
           sim.finish();
         });
       }},
  };
  return laws;
}

}  // namespace cueball::laws
