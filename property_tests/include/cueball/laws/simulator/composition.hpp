// SPDX-License-Identifier: BSL-1.0
/// \file
/// What the simulator has to know of the policies that a world is made of.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include <cueball/core/abilities.hpp>
#include <cueball/laws/least_churn.hpp>
#include <cueball/laws/simulator/world.hpp>
#include <cueball/queue_policy.hpp>

namespace cueball::laws {

/// One policy of each axis, and how to make a world of them.
struct composition {
  std::string name;
  queue_order order = queue_order::unspecified;
  judge lawful;
  bool prefers = false;  ///< The strategy uses preferences.

  /// The interval is for schedules that have one.
  std::function<std::unique_ptr<world>(const pool_options& options, duration interval, core::abilities can,
                                       std::uint64_t seed, std::uint32_t slice)>
      make;
};

/// Each case of a property draws one of these.
using compositions = std::span<const composition>;

}  // namespace cueball::laws
