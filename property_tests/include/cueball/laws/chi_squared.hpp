// SPDX-License-Identifier: BSL-1.0
/// \file
/// Is this uniform? With fixed seeds, so that a test never fails by chance.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

namespace cueball::laws {

/// Pearson's statistic of `counts` against equal shares.
inline double chi_squared(const std::vector<std::uint64_t>& counts) {
  double sum = 0;
  for (const auto count : counts) sum += static_cast<double>(count);
  const auto expected = sum / static_cast<double>(counts.size());
  double statistic = 0;
  for (const auto count : counts) {
    const auto off = static_cast<double>(count) - expected;
    statistic += off * off / expected;
  }
  return statistic;
}

/// What a uniform source exceeds once in a million times (the approximation of Wilson and Hilferty).
inline double chi_squared_limit(std::size_t categories) {
  const auto freedom = static_cast<double>(categories - 1);
  const auto part = 2.0 / (9.0 * freedom);
  return freedom * std::pow(1.0 - part + 4.753 * std::sqrt(part), 3.0);
}

inline bool looks_uniform(const std::vector<std::uint64_t>& counts) {
  return chi_squared(counts) <= chi_squared_limit(counts.size());
}

}  // namespace cueball::laws
