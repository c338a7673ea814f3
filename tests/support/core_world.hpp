// SPDX-License-Identifier: BSL-1.0
/// \file
/// The core alone, under a clock of the test's.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include <cueball/core/pool_core.hpp>
#include <cueball/policy_set.hpp>

namespace support {

struct nothing {};

/// A core whose effects are all done at once, and well.
template <class... Policies>
class core_world {
 public:
  explicit core_world(const cueball::pool_options& options, cueball::core::abilities can = {})
      : core(options, {}, {}, {}, can, 1) {
    core.start(now);
  }

  core_world(const cueball::pool_options& options,
             const typename cueball::make_policy_set<Policies...>::rebalance& rebalance)
      : core(options, {}, rebalance, {}, {}, 1) {
    core.start(now);
  }

  /// Lets everything happen that is due within `length`.
  void pass(cueball::duration length) {
    const auto until = now + length;
    for (;;) {
      perform();
      const auto next = core.next_wake();
      if (next > until) break;
      now = std::max(now, next);
      core.wake(now);
      most_checking = std::max(most_checking, core.stats().slots.checking);
    }
    now = until;
  }

  void perform() {
    for (std::vector<cueball::core::effect> effects; core.has_effects(); effects.clear()) {
      core.take_effects(effects);
      for (const auto& each : effects) perform(each);
    }
  }

  void perform(const cueball::core::effect& what) {
    switch (what.what) {
      case cueball::core::effect::kind::open:
        return fails || what.where->port == fails_at
                   ? core.connect_failed(what.slot, cueball::errc::connect_failed, {}, false, now)
                   : core.connected(what.slot, now);
      case cueball::core::effect::kind::close:
        return core.closed(what.slot, now);
      case cueball::core::effect::kind::watch:
        return core.watched(what.slot, now);
      case cueball::core::effect::kind::plan:
        plan_is_out = true;
        if (!holds_plans) finish_plan();
        return;
      default:
        return;
    }
  }

  /// The plan that is out comes through.
  void finish_plan() {
    plan_is_out = false;
    core.make_plan();
    core.planned();
  }

  cueball::time_point now{std::chrono::hours{1}};
  cueball::core::pool_core<cueball::make_policy_set<Policies...>, nothing> core;
  bool fails = false;          ///< Every connect.
  std::uint16_t fails_at = 0;  ///< Those to this port.
  bool holds_plans = false;    ///< Until `finish_plan`.
  bool plan_is_out = false;
  std::uint32_t most_checking = 0;
};

}  // namespace support
