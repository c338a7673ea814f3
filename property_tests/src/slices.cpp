// SPDX-License-Identifier: BSL-1.0
/// \file
/// Work in slices: a pool that does little in each event keeps every rule, whatever comes between the slices,
/// and gets as far as one that does all at once.

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <cueball/laws/law.hpp>
#include <cueball/laws/simulator/pool_law.hpp>
#include <cueball/laws/simulator/simulator.hpp>

namespace cueball::laws {

namespace {

/// What a pool at rest has, and for whom. (Each one's share is checked by the ledger; ties may fall either
/// way.)
struct possession {
  std::vector<std::string> backends;
  std::uint32_t connections = 0;

  explicit possession(const pool_stats& stats) : connections(stats.slots.total()) {
    for (const auto& row : stats.backends)
      backends.push_back(row.key + " " + std::to_string(row.where.weight) + " " +
                         std::to_string(row.where.priority));
    std::sort(backends.begin(), backends.end());
  }

  friend bool operator==(const possession&, const possession&) = default;
};

}  // namespace

const std::vector<pool_law>& slices_laws() {
  static const std::vector<pool_law> laws{
      {"R1-R16",
       "whatever comes between the slices, every rule holds, all work ends, and the pool becomes whole",
       [](compositions of) {
         auto what = *any_sliced_setting(of);
         const auto ops = *any_sliced_script(6.0);
         const auto run = [&] {
           std::vector<possession> found;
           check_run(what, [&](simulator& sim) {
             sim.run(ops);
             sim.drain();
             sim.heal();
             found.emplace_back(sim.pool().stats());
           });
           return found.back();
         };
         const auto in_slices = run();
         what.slice = 1000 * setting::usual_slice;
         RC_ASSERT(run() == in_slices);
       }},
      {"R15", "a pool that works in slices can be stopped in the middle, and then nothing is left of it",
       [](compositions of) {
         const auto what = *any_sliced_setting(of);
         const auto ops = *any_sliced_script(4.0);
         const auto later = *any_sliced_script(1.0);
         check_run(what, [&](simulator& sim) {
           sim.run(ops);
           sim.stop();
           sim.run(later);
           sim.drain();
           demand(!sim.pool().has_work(), "R15: a stop ends");
           sim.finish();
         });
       }},
      {"R4", "a backend is removed while all its connections are claimed, however many they are",
       [](compositions of) {
         auto what = *any_sliced_setting(of);
         what.warm = 1 + what.warm % 3;
         const auto others = *any_sliced_script(0.2);
         check_run(what, [&](simulator& sim) {
           while (sim.try_take()) {
           }
           sim.remove(0);
           sim.wait(what.options().rebalance_delay);
           sim.run(others);
           sim.drain();
           while (sim.leases() > 0) sim.release(0);
           sim.drain();
           sim.heal();
         });
       }},
      {"R5", "a plan that is turned round while everything is claimed keeps within the target",
       [](compositions of) {
         auto what = *any_sliced_setting(of);
         what.warm = 3;
         const auto wakes = *rc::gen::inRange<unsigned>(0, 40);
         const auto releases = *rc::gen::inRange<unsigned>(0, 10);
         const auto by_removal = *rc::gen::arbitrary<bool>();
         const auto others = *any_sliced_script(0.1);
         check_run(what, [&](simulator& sim) {
           const auto delay = what.options().rebalance_delay;
           const auto turn = [&](std::size_t to) {
             for (std::size_t i = 0; i < 3; ++i) sim.change(i, i == to ? 1 : 0, 0);
             sim.wait(delay);
           };
           turn(0);
           sim.live(delay);
           while (sim.try_take()) {
           }
           turn(1);
           sim.live(delay);
           if (by_removal) sim.remove(1);
           turn(0);
           for (unsigned i = 0; i < wakes; ++i) {
             sim.wake();
             sim.answer_plan();
             for (unsigned k = 0; k < releases && sim.leases() > 0; ++k) sim.release(0);
           }
           sim.run(others);
           while (sim.leases() > 0) sim.release(0);
           sim.drain();
           sim.heal();
         });
       }},
      {"R9", "claims that expire together all end, in slices",
       [](compositions of) {
         auto what = *any_sliced_setting(of);
         const auto waiting = *rc::gen::inRange<std::size_t>(0, 100);
         const auto ops = *any_sliced_script(0.2);
         check_run(what, [&](simulator& sim) {
           while (sim.try_take()) {
           }
           const auto deadline = after(sim.now(), std::chrono::milliseconds{50});
           std::vector<const core::waiter*> all;
           for (std::size_t i = 0; i < waiting; ++i) all.push_back(&sim.claim(deadline));
           sim.wait(std::chrono::milliseconds{50});
           sim.run(ops);
           sim.wait(std::chrono::milliseconds{50});
           sim.drain();
           for (const auto* const who : all)
             demand(who->now == core::waiter::state::finished, "R9: a claim fails at its deadline");
           sim.heal();
         });
       }},
  };
  return laws;
}

}  // namespace cueball::laws
