// SPDX-License-Identifier: BSL-1.0
/// \file
/// Cases that the simulator found, and that were bugs.

#include <cueball/laws/simulator/simulator.hpp>

#include <support/catch.hpp>
#include <support/shipped.hpp>

using namespace cueball::laws;
using namespace std::chrono_literals;
using cueball::never_comes;
namespace core = cueball::core;

TEST_CASE("a wait for readiness ends when marks are taken back", "[found]") {
  // Found by the simulator: only `connected` looked at who waits.
  check_run({.policies = &shipped::composition("queue::fifo, rebalance::weighted, decoherence::never"),
             .max_connections = 1},
            [](simulator& sim) {
              sim.add(0);
              sim.live(200ms);
              demand(sim.try_take(), "it is up");
              sim.add(1, 5);
              sim.live(200ms);  // the connection has moved; the claimed one is marked
              demand(sim.try_take(), "the other is up");
              sim.behave(1, manner::hangs);
              sim.release(1, ending::discarded);
              auto& ready = sim.wait_ready(1, never_comes);
              demand(ready.now == core::waiter::state::waiting, "nothing wanted is up");
              sim.change(1, 0, 0);
              sim.live(200ms);
              demand(ready.now == core::waiter::state::finished, "what was marked is wanted again");
              sim.heal();
            });
}

TEST_CASE("a plan that failed while another was due is asked for once", "[found]") {
  // Found by the simulator: the one that was due came on top of it.
  const script ops{{op_kind::add, 0, 0},   {op_kind::tick, 0, 0},    {op_kind::add, 0, 6},
                   {op_kind::tick, 0, 0},  {op_kind::answer, 0, 11}, {op_kind::tick, 0, 0},
                   {op_kind::settle, 0, 0}};
  check_run({.policies = &shipped::composition("queue::fifo, rebalance::even_spread, decoherence::never"),
             .rebalance_ms = 10},
            [&](simulator& sim) {
              sim.run(ops);
              sim.heal();
            });
}

TEST_CASE("a backend whose last connection goes while a plan is begun is forgotten", "[found]") {
  // Found by the simulator: the gathering stood before it, and the one after it was without news.
  const script ops{{op_kind::refresh, 8, 1}, {op_kind::tick, 0, 0}, {op_kind::resize, 0, 0},
                   {op_kind::drain, 0, 0},   {op_kind::tick, 0, 0}, {op_kind::settle, 0, 0}};
  check_run({.policies = &shipped::composition("queue::fifo, rebalance::subset, decoherence::periodic"),
             .seed = 9,
             .max_connections = 6,
             .warm = 3,
             .per_backend = 1,
             .per_pool = 1,
             .watch_ms = 10,
             .timeout_ms = 50,
             .max_timeout_ms = 9000,
             .delay_ms = 10,
             .max_delay_ms = 2000,
             .decoherence_ms = 30000,
             .slice = 3},
            [&](simulator& sim) {
              sim.run(ops);
              sim.heal();
            });
}

TEST_CASE("who waits for connections does not count one whose place is taken by another", "[found]") {
  // Found by the simulator: he was told between the coming of the new one and the going of the old one.
  const script ops{{op_kind::refresh, 4, 7},    {op_kind::tick, 0, 0},    {op_kind::resize, 7, 0},
                   {op_kind::settle, 0, 0},     {op_kind::claim, 0, 0},   {op_kind::refresh, 4, 0},
                   {op_kind::wait_ready, 2, 0}, {op_kind::tick, 0, 0},    {op_kind::settle, 0, 0},
                   {op_kind::tick, 0, 0},       {op_kind::invalidate, 0}, {op_kind::release, 0, 0},
                   {op_kind::answer, 0, 0},     {op_kind::answer, 8, 0}};
  check_run({.policies = &shipped::composition("queue::sticky, rebalance::subset, decoherence::never"),
             .seed = 190,
             .max_connections = 6,
             .per_backend = 1,
             .per_pool = 1,
             .rebalance_ms = 10,
             .watch_ms = 500,
             .checked = true,
             .check_ms = 1000,
             .check_timeout_ms = 1000,
             .max_idle_ms = 2000,
             .lifetime_ms = 200,
             .lifetime_spread_percent = 100,
             .max_waiters = 3,
             .target_delay_ms = 5,
             .timeout_ms = 50,
             .max_timeout_ms = 9000,
             .delay_ms = 250,
             .max_delay_ms = 2000,
             .spread_percent = 0,
             .stable_ms = 1,
             .decoherence_ms = 30000},
            [&](simulator& sim) {
              sim.run(ops);
              sim.heal();
            });
}
