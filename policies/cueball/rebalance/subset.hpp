// SPDX-License-Identifier: BSL-1.0
/// \file
/// rebalance::subset: fewer connections than backends, on a choice of backends that stays.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <cueball/detail/refusal.hpp>
#include <cueball/rebalance_policy.hpp>

namespace cueball::rebalance {

/// Which pool of how many that use the same backends, with as many connections each.
struct fleet_place {
  std::uint32_t index = 0;  ///< Below `size`; no two pools have the same.
  std::uint32_t size = 1;   ///< How many pools there are.
};

/// Each pool has a *preference list* of all backends. One connection goes to each of the first ones; if there
/// are more connections than backends, all have the same number, and the first ones one more. Ignores weight
/// and priority. Who is not live is left out of the list, and comes back to its old place.
///
/// Without a place in the fleet the list is the pool's own, in random order, and a new backend comes to a
/// random place. So each backend has its part of a fleet's connections but for chance; what comes or goes
/// moves one connection of a pool, or none; and decoherence moves one at a time. This is node-cueball's list.
///
/// With a place the choice follows from the backends' keys alone, and is even: over the whole fleet each
/// backend has floor or ceil of its part of the connections. All pools have one list, in the order of the
/// keys' hashes, taken as a ring, on which pool i of n begins after the part i/n of it. What comes or goes
/// shifts that by one backend at the most, which moves one more connection of about every second pool.
/// Decoherence moves none. (Deterministic subsetting: "Site Reliability Engineering", O'Reilly 2016, chapter
/// 20, has another way to that, where most connections move.)
struct subset {
  using category = rebalance_policy;
  static constexpr std::string_view name = "rebalance::subset";

  std::optional<fleet_place> place{};

  constexpr bool uses_preferences() const noexcept { return !place; }

  /// Throws `std::system_error` (`errc::bad_option`) with the name and value of what is bad.
  void check() const {
    if (!place) return;
    if (place->size == 0) detail::refuse(std::string{name} + "::place.size", "0", "1 or more");
    if (place->index >= place->size)
      detail::refuse(std::string{name} + "::place.index", std::to_string(place->index),
                     "below place.size, " + std::to_string(place->size));
  }

  std::vector<std::uint32_t> plan(std::span<const backend_load> live, std::uint32_t target,
                                  random_source&) const {
    return shares(live, target);
  }

  bool lawful(std::span<const backend_load> live, std::uint32_t target,
              std::span<const std::uint32_t> counts) const {
    return std::ranges::equal(shares(live, target), counts);
  }

 private:
  std::vector<std::uint32_t> shares(std::span<const backend_load> live, std::uint32_t target) const {
    if (live.empty()) return {};
    check();
    const auto backends = static_cast<std::uint32_t>(live.size());
    std::vector<std::uint32_t> counts(backends, target / backends);
    const auto order = order_of(live);
    const auto first = place ? std::uint64_t{place->index} * backends / place->size : 0;
    for (std::uint32_t i = 0; i < target % backends; ++i) ++counts[order[(first + i) % backends]];
    return counts;
  }

  /// The list, by index.
  std::vector<std::uint32_t> order_of(std::span<const backend_load> live) const {
    std::vector<std::uint32_t> order(live.size());
    std::iota(order.begin(), order.end(), 0U);
    // A total order; preferences are equal once in a blue moon.
    const auto rank = [&](std::uint32_t i) {
      return std::tuple{place ? 0 : live[i].preference, live[i].identity, i};
    };
    std::ranges::sort(order, {}, rank);
    return order;
  }
};

}  // namespace cueball::rebalance
