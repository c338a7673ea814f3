// SPDX-License-Identifier: BSL-1.0
/// \file
/// All rules at once, under random churn, failures, claims and cancellations: the ledger checks them after
/// every event.

#include <support/holds.hpp>
#include <support/simulator.hpp>

namespace cueball::property {

TEST_CASE("whatever happens, every rule holds after every event, and the pool becomes whole again") {
  holds("all rules", [] {
    const auto what = *any_setting();
    const auto ops = *any_script(6.0, false);
    check_run(what, [&](simulator& sim) {
      sim.run(ops);
      sim.heal();
    });
  });
}

TEST_CASE("a pool can be stopped at any moment, and then nothing is left of it") {
  holds("stop", [] {
    const auto what = *any_setting();
    const auto ops = *any_script(3.0, false);
    const auto later = *any_script(1.0, true);
    check_run(what, [&](simulator& sim) {
      sim.run(ops);
      sim.stop();
      sim.run(later);
      sim.finish();
    });
  });
}

TEST_CASE("the same seed and the same events give the same run") {
  holds("R16", [] {
    const auto what = *any_setting();
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
  });
}

TEST_CASE("a plan that failed while another was due is asked for once") {
  // Found by the simulator: the one that was due came on top of it.
  const script ops{{op_kind::add, 0, 0},   {op_kind::tick, 0, 0},    {op_kind::add, 0, 6},
                   {op_kind::tick, 0, 0},  {op_kind::answer, 0, 11}, {op_kind::tick, 0, 0},
                   {op_kind::settle, 0, 0}};
  check_run({.composition = 0, .rebalance_ms = 10}, [&](simulator& sim) {
    sim.run(ops);
    sim.heal();
  });
}

}  // namespace cueball::property
