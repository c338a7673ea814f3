// SPDX-License-Identifier: BSL-1.0
/// \file
/// The shipped connection set in virtual time: whatever happens outside, its user can rely on what it says.

#include <algorithm>

#include <cueball/laws/law.hpp>

#include <set/world.hpp>
#include <support/catch.hpp>

namespace cueball::laws::set {

TEST_CASE("whatever happens, a set keeps its rules, and becomes whole again") {
  CHECK_NOTHROW(law("whatever happens, a set keeps its rules, and becomes whole again", [] {
    const auto what = *any_setting();
    const auto ops = *any_script(6.0, happens::anything);
    const auto unreachable = *rc::gen::inRange<std::uint32_t>(0, 64);
    world outside{what};
    outside.play(ops);
    outside.heal(unreachable);
    outside.heal(0);
    outside.stop_and_finish();
  }));
}

TEST_CASE("a set whose backends can all be reached never has fewer members while it moves") {
  CHECK_NOTHROW(law("a set whose backends can all be reached never has fewer members while it moves", [] {
    auto what = *any_setting();
    what.prompt = true;
    what.warm = std::max(what.warm, 1U);
    const auto ops = *any_script(6.0, happens::growth);
    world outside{what};
    outside.never_fewer = true;
    outside.play(ops);
  }));
}

TEST_CASE("a burst of news inside one delay makes one plan") {
  CHECK_NOTHROW(law("a burst of news inside one delay makes one plan", [] {
    auto what = *any_setting();
    what.decoherence_ms = 3600000;
    what.lifetime_ms = 0;
    const auto ports = *rc::gen::nonEmpty<std::vector<std::uint8_t>>();
    world outside{what};
    outside.settle();
    const auto before = outside.rebalances();
    outside.burst(ports);
    outside.pass(std::chrono::milliseconds{what.rebalance_ms});
    outside.must(outside.rebalances() == before + 1, "C8: n events in one delay make one plan");
    outside.heal(0);
  }));
}

TEST_CASE("a set can be stopped at any moment, and then nothing is left of it") {
  CHECK_NOTHROW(law("a set can be stopped at any moment, and then nothing is left of it", [] {
    const auto what = *any_setting();
    const auto ops = *any_script(4.0, happens::stops);
    world outside{what};
    outside.play(ops);
    outside.stop_and_finish();
  }));
}

TEST_CASE("a set can be destroyed at any moment, with members in use") {
  CHECK_NOTHROW(law("a set can be destroyed at any moment, with members in use", [] {
    const auto what = *any_setting();
    const auto ops = *any_script(4.0, happens::stops);
    world outside{what};
    outside.play(ops);
    outside.destroy_and_finish();
  }));
}

}  // namespace cueball::laws::set
