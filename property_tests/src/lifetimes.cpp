// SPDX-License-Identifier: BSL-1.0
/// \file
/// Connections that grow old.

#include <algorithm>
#include <vector>

#include <cueball/laws/law.hpp>
#include <cueball/laws/simulator/pool_law.hpp>
#include <cueball/laws/simulator/simulator.hpp>

namespace cueball::laws {

using namespace std::chrono_literals;

const std::vector<pool_law>& lifetime_laws() {
  static const std::vector<pool_law> laws{
      {"R5", "what is past its lifetime is replaced while it lies idle, and no capacity is missing",
       [](compositions of) {
         auto what = *any_setting(of);
         what.lazy = false;
         what.strict = false;
         what.warm = *rc::gen::inRange<std::uint32_t>(1, 6);
         what.lifetime_ms = *rc::gen::element<std::uint32_t>(200, 1000, 60000);
         what.lifetime_spread_percent = *rc::gen::element<std::uint32_t>(0, 10, 100);
         const auto lives = *rc::gen::inRange(1, 6);
         check_run(what, [&](simulator& sim) {
           const auto end = sim.now() + lives * std::chrono::milliseconds{what.lifetime_ms} * 101 / 100;
           const auto missing = [&] { return sim.book().established() < what.max_connections; };
           demand(!sim.live_until(end - sim.now() + 10ms, missing), "R5: make before break");
           demand(sim.book().opened() >= static_cast<unsigned>(lives) * what.max_connections,
                  "each is replaced in each lifetime");
           sim.heal();
         });
       }},
      {"R5", "however busy a pool is, what is past its lifetime goes when it is released",
       [](compositions of) {
         auto what = *any_setting(of);
         what.lazy = false;
         what.warm = 2;
         what.lifetime_ms = *rc::gen::element<std::uint32_t>(200, 1000);
         const auto holds = *rc::gen::container<std::vector<int>>(20, rc::gen::inRange(1, 100));
         check_run(what, [&](simulator& sim) {
           const auto whole = std::chrono::milliseconds{what.lifetime_ms};
           for (const auto hold : holds) {
             while (sim.try_take()) {
             }
             sim.live(std::chrono::milliseconds{hold});
             std::vector<core::slot_id> old;
             for (const auto& one : sim.book().by_index())
               if (one.now == core::slot_state::claimed && sim.now() - one.up_since > whole + whole / 100)
                 old.push_back(one.id);
             while (sim.leases() > 0) sim.release(0);
             for (const auto id : old) {
               const auto* const one = sim.book().find(id);
               demand(!one || one->now == core::slot_state::closing, "it is not put back");
             }
           }
           sim.heal();
         });
       }},
      {"R13", "what was opened together is not replaced together",
       [](compositions of) {
         auto what = *any_setting(of);
         what.lazy = false;
         what.max_connections = what.per_backend = what.per_pool = 100;
         what.warm = 2;
         what.lifetime_ms = 60000;
         what.lifetime_spread_percent = 50;
         check_run(what, [&](simulator& sim) {
           std::vector<std::uint64_t> windows;  // of a tenth of the spread each
           sim.live(30s);
           for (int i = 0; i < 10; ++i) {
             const auto opened = sim.book().opened();
             sim.live(3s);
             windows.push_back(sim.book().opened() - opened);
           }
           for (const auto replaced : windows)
             demand(replaced <= 30, "A41: no more at once than their share, and what chance adds");
         });
       }},
  };
  return laws;
}

}  // namespace cueball::laws
