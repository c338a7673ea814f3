// SPDX-License-Identifier: BSL-1.0
// error: cueball: Policy names an axis but does not model the concept of that axis
// shows: decoherence_schedule<Policy>
#include <string_view>

#include <cueball/policy_set.hpp>

struct explosive {
  using category = cueball::decoherence_policy;
  static constexpr std::string_view name = "explosive";

  // It may throw.
  cueball::decoherence_step next(cueball::time_point, const cueball::coherence&,
                                 cueball::random_source&) const {
    return {};
  }
};

using policies = cueball::make_policy_set<explosive>;
