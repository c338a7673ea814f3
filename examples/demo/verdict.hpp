// SPDX-License-Identifier: BSL-1.0
/// \file
/// The rules that the pool promises, held against what was measured.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <string>
#include <vector>

#include <cueball/pool_stats.hpp>

namespace demo {

/// A number for each backend, by its name.
using numbers = std::map<std::string, std::uint64_t>;

/// "A 4, B 3"
std::string to_string(const numbers& all);
std::uint64_t sum(const numbers& all);

/// The biggest minus the smallest.
std::uint64_t spread(const numbers& all);

/// The connections of each of these backends that are up.
numbers up(const cueball::pool_stats& stats, const std::vector<std::string>& names);

/// How many connections to each of these backends ever came up.
numbers ever_up(const cueball::pool_stats& stats, const std::vector<std::string>& names);

/// What one has to open, backend by backend, to spread `target` connections evenly over the backends that
/// have `present` now, if one keeps whatever can be kept.
numbers fewest_to_open(const numbers& present, std::uint64_t target);

/// How far the one that is furthest from an even share is away from it: 0.1 is 10 %.
double unevenness(const numbers& all);

/// Collects the rules, and whether they held.
class verdict {
 public:
  /// \param what the rule, in a few words
  /// \param measured the numbers that say so
  void rule(std::string what, bool held, std::string measured);

  bool held() const noexcept { return broken_ == 0; }
  void print(std::ostream& out, bool colours) const;

 private:
  struct line {
    std::string what;
    bool held;
    std::string measured;
  };

  std::vector<line> lines_;
  unsigned broken_ = 0;
};

}  // namespace demo
