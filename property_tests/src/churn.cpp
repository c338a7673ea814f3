// SPDX-License-Identifier: BSL-1.0
/// \file
/// All rules at once, under random churn, failures, claims and cancellations: the ledger checks them after
/// every event.

#include <cueball/laws/law.hpp>
#include <cueball/laws/simulator/pool_law.hpp>
#include <cueball/laws/simulator/simulator.hpp>

namespace cueball::laws {

const std::vector<pool_law>& churn_laws() {
  static const std::vector<pool_law> laws{
      {"R1-R16", "whatever happens, every rule holds after every event, and the pool becomes whole again",
       [](compositions of) {
         const auto what = *any_loaded_setting(of);
         const auto ops = *any_script(6.0, false);
         check_run(what, [&](simulator& sim) {
           sim.run(ops);
           sim.heal();
         });
       }},
      {"R15", "a pool can be stopped at any moment, and then nothing is left of it",
       [](compositions of) {
         const auto what = *any_loaded_setting(of);
         const auto ops = *any_script(3.0, false);
         const auto later = *any_script(1.0, true);
         check_run(what, [&](simulator& sim) {
           sim.run(ops);
           sim.stop();
           sim.run(later);
           sim.finish();
         });
       }},
      {"R16", "the same seed and the same events give the same run",
       [](compositions of) {
         const auto what = *any_loaded_setting(of);
         const auto ops = *any_script(4.0, true);
         std::uint64_t first = 0;
         check_run(what, [&](simulator& sim) {
           sim.run(ops);
           first = sim.fingerprint();
         });
         check_run(what, [&](simulator& sim) {
           sim.run(ops);
           RC_ASSERT(sim.fingerprint() == first);
         });
       }},
  };
  return laws;
}

}  // namespace cueball::laws
