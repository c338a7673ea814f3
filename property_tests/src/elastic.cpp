// SPDX-License-Identifier: BSL-1.0
/// \file
/// Pools whose size follows what is asked of them.

#include <algorithm>
#include <vector>

#include <cueball/core/demand.hpp>
#include <cueball/laws/law.hpp>
#include <cueball/laws/simulator/pool_law.hpp>
#include <cueball/laws/simulator/simulator.hpp>

namespace cueball::laws {

using namespace std::chrono_literals;

namespace {

/// A pool that keeps some spares, of more connections than those.
setting elastic_setting(compositions of) {
  auto what = *any_setting(of);
  what.lazy = false;
  what.warm = *rc::gen::inRange<std::uint32_t>(1, 6);
  what.max_connections = *rc::gen::inRange<std::uint32_t>(4, 30);
  what.spares = *rc::gen::inRange<std::uint32_t>(1, 4);
  what.retries = 1000;
  return what;
}

}  // namespace

const std::vector<pool_law>& elastic_laws() {
  static const std::vector<pool_law> laws{
      {"R1", "an elastic pool has its spares, and no more, while nobody claims",
       [](compositions of) {
         const auto what = elastic_setting(of);
         check_run(what, [&](simulator& sim) {
           sim.live(1min);
           demand_equal(sim.book().established(), what.spares, "no more than the spares");
           demand_equal(sim.book().opened(), what.spares + sim.book().regroups(), "nor were there ever more");
         });
       }},
      {"R1 R13", "so many connects start as claims wait and there is room for, within the limits",
       [](compositions of) {
         auto what = elastic_setting(of);
         what.warm = 1;
         what.strict = false;
         what.per_backend = what.per_pool = *rc::gen::inRange<std::uint32_t>(1, 40);
         const auto claims = *rc::gen::inRange<std::uint32_t>(1, 40);
         check_run(what, [&](simulator& sim) {
           while (sim.try_take()) {
           }
           const auto busy = sim.book().established();
           sim.behave(0, manner::hangs);
           for (std::uint32_t i = 0; i < claims; ++i) sim.claim(never_comes);
           sim.settle();
           const auto wanted = std::min(busy + claims + what.spares, what.max_connections);
           demand_equal(sim.book().count(core::slot_state::connecting),
                        std::min(wanted - busy, what.per_pool),
                        "A62: with k unmet claims and room, k connects start, and one for each spare");
           sim.behave(0, manner::accepts);
           sim.settle();
           demand_equal(sim.leases(), std::min(busy + claims, what.max_connections), "they are served");
         });
       }},
      {"R1", "what was in use is given up slowly, down to the spares, and not before its time",
       [](compositions of) {
         auto what = elastic_setting(of);
         what.decoherence_ms = 300000;
         const auto held = *rc::gen::inRange(1, 5000);
         check_run(what, [&](simulator& sim) {
           for (std::uint32_t i = 0; i < what.max_connections; ++i) sim.claim(never_comes);
           sim.live(10s);
           demand_equal(sim.leases(), what.max_connections, "it has grown to its maximum");
           sim.live(std::chrono::milliseconds{held});
           while (sim.leases() > 0) sim.release(0);
           const auto since = sim.now();
           // An average that began with all of them in use.
           core::demand least;
           least.at_least(what.max_connections);
           for (int samples = 0; samples < 30; ++samples) {
             demand(sim.book().established() + what.per_pool >= std::min(least.size(), what.max_connections),
                    "it does not shrink faster than the average");
             least.sample(what.spares);
             sim.live(core::demand::interval);
           }
           sim.live(10s);
           demand_equal(sim.book().established(), what.spares, "the spares stay");
           demand(sim.now() - since < 20s, "it does not take for ever");
         });
       }},
      {"R1 R9", "claims that waited in vain are no demand",
       [](compositions of) {
         auto what = elastic_setting(of);
         what.warm = 1;
         what.strict = false;
         const bool cancelled = *rc::gen::arbitrary<bool>();
         check_run(what, [&](simulator& sim) {
           while (sim.try_take()) {
           }
           sim.behave(0, manner::hangs);
           std::vector<core::waiter*> claims;
           for (std::uint32_t i = 0; i < 2 * what.max_connections; ++i)
             claims.push_back(&sim.claim(after(sim.now(), 1s)));
           sim.live(500ms);
           demand_equal(sim.book().target(), what.max_connections, "they were");
           if (cancelled)
             for (auto* const who : claims) sim.cancel(*who);
           else
             sim.live(500ms);
           sim.live(core::demand::interval + 1ms);
           demand(sim.book().target() <= 2 * what.spares, "C2: the target falls back with them");
         });
       }},
      {"R1 R4", "another maximum is kept at once; what is in use beyond it goes when it is released",
       [](compositions of) {
         auto what = *any_setting(of);
         what.lazy = false;
         what.warm = *rc::gen::inRange<std::uint32_t>(1, 6);
         what.spares = *rc::gen::inRange<std::uint32_t>(0, 4);
         const auto most = *rc::gen::inRange<std::uint32_t>(1, what.max_connections + 1);
         const auto out = *rc::gen::inRange<std::uint32_t>(0, 9);
         check_run(what, [&](simulator& sim) {
           for (std::uint32_t i = 0; i < out; ++i) sim.try_take();
           sim.resize(most);
           sim.settle();
           demand(sim.book().established() <= most, "no more than that are wanted");
           while (sim.leases() > 0) sim.release(0);
           sim.settle();
           demand(sim.book().total() <= most, "nor are there more, when none is in use");
           sim.heal();
         });
       }},
  };
  return laws;
}

}  // namespace cueball::laws
