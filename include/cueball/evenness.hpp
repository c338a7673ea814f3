// SPDX-License-Identifier: BSL-1.0
/// \file
/// How evenly the claims of a window fell on the backends: the difference of two snapshots.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <cueball/pool_stats.hpp>

namespace cueball {

/// What one backend got in the window.
struct claims_share {
  std::string key;           ///< `backend::key()`
  std::uint64_t claims = 0;  ///< Leases on it that were given out in the window.
  double even = 0;  ///< What it would have got of those claims in proportion to the plan; need not be whole.
};

/// The claims of a window against even, where *even* is by the plan: each planned connection gets the same
/// number of claims. So a backend of twice the weight is to get twice the claims, and with ten connections
/// over three backends the one that has four of them is to get four tenths.
///
/// Chance alone makes claims uneven: n backends that are drawn at random, with equal odds, for each of m
/// claims have a variation of about sqrt((n - 1) / m).
struct evenness {
  std::vector<claims_share> backends;  ///< In the order of the later snapshot, all of them.
  std::uint64_t elsewhere =
      0;                 ///< Claims on what has no row any more: backends that are gone, also for a while.
  double variation = 0;  ///< Coefficient of variation of the claims a planned connection: 0 is even, sqrt(n -
                         ///< 1) is all on one of n equal backends. 0 if there were no claims.
  double busiest = 0;  ///< Claims against even of the backend that has most of it: 1 is even, n is all on one
                       ///< of n equal backends. 0 if there were no claims.
};

/// The claims between two snapshots of one pool.
///
/// A plan that changed in between counts as the mean of the two plans. That is a guess: compare `rebalances`
/// where it matters. A backend that is in neither plan (weight 0, or being withdrawn) has an even share of 0;
/// it is listed, and left out of `variation` and `busiest`. Rows of the same key, one of which is being
/// withdrawn, are one backend. One that was gone for a while counts from its return if its count shows that:
/// if it is lower than it was.
/// \pre `before` was not taken after `after`.
inline evenness evenness_between(const pool_stats& before, const pool_stats& after) {
  struct past_row {
    std::uint64_t claims = 0;
    std::uint32_t planned = 0;
  };
  std::map<std::string_view, past_row> past;
  for (const auto& row : before.backends) {
    past[row.key].claims += row.counters.claims;
    past[row.key].planned += row.planned;
  }

  evenness all;
  std::map<std::string_view, std::size_t> places;
  std::vector<double> planned;
  for (const auto& row : after.backends) {
    const auto [place, is_first] = places.try_emplace(row.key, all.backends.size());
    if (is_first) {
      all.backends.push_back({.key = row.key});
      planned.push_back(past[row.key].planned / 2.0);
    }
    all.backends[place->second].claims += row.counters.claims;
    planned[place->second] += row.planned / 2.0;
  }

  double planned_in_all = 0;
  std::uint64_t listed = 0;
  std::uint64_t counted = 0;
  for (std::size_t i = 0; i < planned.size(); ++i) {
    auto& share = all.backends[i];
    const auto known = past[share.key].claims;
    if (known <= share.claims) share.claims -= known;
    listed += share.claims;
    if (planned[i] > 0) counted += share.claims;
    planned_in_all += planned[i];
  }
  const auto total = after.counters.claims - before.counters.claims;
  all.elsewhere = total - std::min(total, listed);
  if (counted == 0) return all;

  double variance = 0;
  for (std::size_t i = 0; i < planned.size(); ++i) {
    if (planned[i] <= 0) continue;
    auto& share = all.backends[i];
    const auto part = planned[i] / planned_in_all;
    share.even = static_cast<double>(counted) * part;
    const auto against_even = static_cast<double>(share.claims) / share.even;
    variance += part * (against_even - 1) * (against_even - 1);
    all.busiest = std::max(all.busiest, against_even);
  }
  all.variation = std::sqrt(variance);
  return all;
}

}  // namespace cueball
