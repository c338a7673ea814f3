// SPDX-License-Identifier: BSL-1.0
/// \file
/// decoherence::never: the order of the idle connections is left to what happens.
#pragma once

#include <string_view>

#include <cueball/decoherence_policy.hpp>

namespace cueball::decoherence {

struct never {
  using category = decoherence_policy;
  static constexpr std::string_view name = "decoherence::never";

  decoherence_step next(time_point, const coherence&, random_source&) const noexcept { return {}; }
};

}  // namespace cueball::decoherence
