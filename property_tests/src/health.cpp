// SPDX-License-Identifier: BSL-1.0
/// \file
/// Checks, resets, what lies idle for too long, invalidation.

#include <algorithm>
#include <vector>

#include <cueball/laws/law.hpp>
#include <cueball/laws/simulator/pool_law.hpp>
#include <cueball/laws/simulator/simulator.hpp>

namespace cueball::laws {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

/// A whole pool of 1 to 5 backends, whose connections can be checked and say nothing of themselves.
setting checked_setting(compositions of) {
  auto what = *any_setting(of);
  what.lazy = false;
  what.watched = false;
  what.checked = true;
  what.warm = *rc::gen::inRange<std::uint32_t>(1, 6);
  what.check_ms = *rc::gen::element<std::uint32_t>(100, 1000, 30000);
  what.check_timeout_ms = *rc::gen::element<std::uint32_t>(10, 100, 5000);
  return what;
}

/// Of what is checked at random times, and a look that comes late.
duration longest_interval(const setting& what) {
  return milliseconds{what.check_ms} + 2ms;
}

std::uint32_t count_cut(const simulator& sim) {
  std::uint32_t all = 0;
  for (const auto& one : sim.book().by_index())
    all += one.now == core::slot_state::idle && sim.is_cut(one.id) ? 1 : 0;
  return all;
}

}  // namespace

const std::vector<pool_law>& health_laws() {
  static const std::vector<pool_law> laws{
      {"R11", "what vanished silently is found by its check, within the interval, and replaced",
       [](compositions of) {
         const auto what = checked_setting(of);
         const auto which = *rc::gen::inRange<std::size_t>(0, what.warm);
         const bool all = *rc::gen::arbitrary<bool>();
         const milliseconds pause{*rc::gen::inRange(0, 3000)};
         check_run(what, [&](simulator& sim) {
           sim.live(pause);
           if (all)
             sim.cut_all();
           else
             sim.cut(which, UINT32_MAX);
           sim.live(longest_interval(what));
           demand_equal(count_cut(sim), 0, "B31: none of them is idle any more");
           sim.heal();
         });
       }},
      {"R11 R12", "a backend that freezes is found within the interval and two time-outs, whatever its share",
       [](compositions of) {
         auto what = checked_setting(of);
         what.warm = *rc::gen::inRange<std::uint32_t>(2, 6);
         what.max_connections = *rc::gen::inRange<std::uint32_t>(4, 40);
         const milliseconds pause{*rc::gen::inRange(0, 3000)};
         check_run(what, [&](simulator& sim) {
           sim.live(pause);
           sim.behave(0, manner::hangs);
           const auto begin = sim.now();
           const auto end = longest_interval(what) + 2 * milliseconds{what.check_timeout_ms} + 2ms;
           while (sim.now() - begin < end) {
             sim.live(end / 50);
             // The others' connections go on being given out, and come back.
             while (sim.try_take()) {
             }
             while (sim.leases() > 0) sim.release(0);
           }
           // Those that were just claimed are as fresh as any.
           sim.live(end);
           for (const auto& one : sim.book().by_index())
             demand(one.now != core::slot_state::idle || sim.book().owner_of(one).key != sim.what(0).key() ||
                        one.up_since > begin,
                    "C11: what does not answer its check is not kept");
           sim.heal();
         });
       }},
      {"R11",
       "while all is well, few are out to be checked at once, each is checked in each interval, and they "
       "are not checked together",
       [](compositions of) {
         auto what = checked_setting(of);
         what.strict = false;
         what.max_connections = *rc::gen::inRange<std::uint32_t>(1, 80);
         what.check_ms = 1600;
         check_run(what, [&](simulator& sim) {
           sim.live(longest_interval(what));
           const auto begin = sim.now();
           std::vector<std::uint64_t> tests{sim.tests()};
           while (sim.now() - begin < 5 * longest_interval(what)) {
             sim.live(100ms);
             tests.push_back(sim.tests());
           }
           const auto all = tests.back() - tests.front();
           demand(all >= std::uint64_t{4} * what.max_connections, "each is checked in each interval");
           demand(all <= std::uint64_t{12} * what.max_connections, "and not much more often than twice");
           for (std::size_t i = 1; i < tests.size(); ++i)
             demand(tests[i] - tests[i - 1] <= 4U + what.max_connections / 2U,  // at random: a few may meet
                    "A51: a sixteenth of the interval does not bring half of the checks");
         });
       }},
      {"R9 R11",
       "what has lain idle for long is checked before a claim gets it, which costs the claim no error",
       [](compositions of) {
         auto what = checked_setting(of);
         what.check_ms = 0;
         what.check_after_ms = *rc::gen::element<std::uint32_t>(20, 1000);
         what.retries = 1000;
         what.per_backend = what.per_pool = what.max_connections;
         const auto broken = *rc::gen::inRange<std::size_t>(0, 6);
         check_run(what, [&](simulator& sim) {
           sim.live(milliseconds{what.check_after_ms} * 18 / 16 + 2ms);
           demand(!sim.try_take(), "nothing is given out unchecked without the book");
           sim.cut(broken, UINT32_MAX);
           std::vector<const core::waiter*> claims;
           for (std::uint32_t i = 0; i < what.max_connections; ++i)
             claims.push_back(&sim.claim(after(sim.now(), 1h)));
           sim.live(1s);
           for (const auto* const who : claims) demand(who->granted != nullptr, "A9: each gets a good one");
           for (std::size_t i = 0; i < sim.leases(); ++i)
             demand(!sim.is_cut(sim.lease_id(i)), "A9: what is known to be broken is not handed out");
           while (sim.leases() > 0) sim.release(0);
           sim.heal();
         });
       }},
      {"R9", "a check that hangs does not keep the claim that waits for it beyond its deadline",
       [](compositions of) {
         auto what = checked_setting(of);
         what.check_ms = 0;
         what.check_after_ms = 20;
         what.check_timeout_ms = 5000;
         check_run(what, [&](simulator& sim) {
           sim.live(40ms);
           for (std::size_t i = 0; i < simulator::backends; ++i) sim.behave(i, manner::hangs);
           auto& who = sim.claim(after(sim.now(), 100ms));
           sim.live(100ms);
           demand(who.error == errc::claim_timeout, "A27: it fails at its deadline");
           sim.heal();
         });
       }},
      {"R4 R5", "what nobody has claimed for long is replaced, and what is used is not",
       [](compositions of) {
         auto what = checked_setting(of);
         what.check_ms = 0;
         what.strict = false;
         what.max_idle_ms = *rc::gen::element<std::uint32_t>(100, 1600);
         check_run(what, [&](simulator& sim) {
           const auto opened = sim.book().opened();
           const auto missing = [&] { return sim.book().established() < what.max_connections; };
           const auto whole = milliseconds{what.max_idle_ms};
           demand(!sim.live_until(whole * 20 / 16 + 2ms, missing), "R5: make before break");
           demand(sim.book().opened() >= opened + what.max_connections, "each is replaced");
           const auto used = sim.book().opened();
           for (int i = 0; i < 20; ++i) {
             while (sim.try_take()) {
             }
             while (sim.leases() > 0) sim.release(0);
             sim.live(whole / 4);
           }
           demand_equal(sim.book().opened(), used, "what is used stays");
           sim.heal();
         });
       }},
      {"R11",
       "after an invalidation nobody gets a connection that was opened before it, and all are replaced",
       [](compositions of) {
         auto what = *any_setting(of);
         what.warm = *rc::gen::inRange<std::uint32_t>(1, 6);
         what.max_connections = *rc::gen::inRange<std::uint32_t>(1, 40);
         what.slice = *rc::gen::element<std::uint32_t>(1, 3, 128);
         const auto out = *rc::gen::inRange<std::uint32_t>(0, 5);
         const bool one = *rc::gen::arbitrary<bool>();
         check_run(what, [&](simulator& sim) {
           for (std::uint32_t i = 0; i < out; ++i) sim.try_take();
           if (one)
             sim.invalidate(0);
           else
             sim.invalidate();
           const auto begin = sim.now();
           // The ledger says if one of those is handed out: before the first slice of the work, or between
           // two.
           for (int i = 0; i < 3; ++i) {
             sim.claim(after(sim.now(), 1s));
             sim.wake();
           }
           if (sim.leases() > 0) sim.release(0);
           sim.heal();
           for (const auto& each : sim.book().by_index())
             demand(each.now != core::slot_state::idle || each.opened_at >= begin ||
                        (one && sim.book().owner_of(each).key != sim.what(0).key()),
                    "nothing of before is left");
         });
       }},
      {"R11 R12",
       "nobody gets a connection that was not reset since its last lease; one that cannot be is replaced",
       [](compositions of) {
         auto what = checked_setting(of);
         what.checked = false;
         what.resets = true;
         const bool hangs = *rc::gen::arbitrary<bool>();
         check_run(what, [&](simulator& sim) {
           demand(sim.try_take(), "it is whole");
           const auto id = sim.lease_id(0);
           if (hangs)
             for (std::size_t i = 0; i < simulator::backends; ++i) sim.behave(i, manner::hangs);
           sim.release(0);
           const auto* const slot = sim.book().find(id);
           demand(slot && slot->now == core::slot_state::checking, "it is reset first");
           sim.live(milliseconds{what.check_timeout_ms});
           const auto* const then = sim.book().find(id);
           demand(hangs ? !then || then->now == core::slot_state::closing
                        : then && then->now == core::slot_state::idle,
                  "then it is there again, or is replaced");
           sim.heal();
         });
       }},
  };
  return laws;
}

}  // namespace cueball::laws
