// SPDX-License-Identifier: BSL-1.0
/// \file
/// The laws of a whole pool.
#pragma once

#include <concepts>
#include <tuple>
#include <type_traits>
#include <vector>

#include <cueball/laws/simulator/pool_law.hpp>
#include <cueball/laws/simulator/world_of.hpp>
#include <cueball/pool.hpp>

namespace cueball::laws {

/// Every rule of docs/testing.md, for a pool of these policies, under random churn: its core runs in a world
/// of virtual time, scripted backends, connections and claimers.
/// \param policies values of its policies, in any order, where the default will not do
/// \throws law_broken
template <class Pool, class... Values>
void check_pool(const Values&... policies) {
  using set = typename Pool::policies;
  const auto value_of = [&]<class Policy>(std::type_identity<Policy>) -> Policy {
    if constexpr ((std::same_as<Values, Policy> || ...))
      return std::get<const Policy&>(std::tuple<const Values&...>{policies...});
    else
      return Policy{};
  };
  const std::vector<composition> one{
      composition_of<typename set::queue, typename set::rebalance, typename set::decoherence,
                     typename set::threading>(value_of(std::type_identity<typename set::queue>{}),
                                              value_of(std::type_identity<typename set::rebalance>{}),
                                              value_of(std::type_identity<typename set::decoherence>{}))};
  check_pool_laws(one);
}

}  // namespace cueball::laws
