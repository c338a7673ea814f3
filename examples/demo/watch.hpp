// SPDX-License-Identifier: BSL-1.0
/// \file
/// Lets time pass, and looks at the pool and its users meanwhile.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "composition.hpp"
#include "load.hpp"
#include "tally.hpp"
#include "view.hpp"

namespace demo {

class watch {
 public:
  using clock = std::chrono::steady_clock;
  using seconds = std::chrono::duration<double>;

  watch(demo_pool& pool, load& users, view& shown) : pool_(pool), users_(users), shown_(shown) { look(); }

  /// Looks for this long.
  void pass(seconds length);

  /// Looks until `condition` holds of the pool. False if it does not within `limit`.
  bool until(const std::function<bool(const cueball::pool_stats&)>& condition);

  /// Looks until the pool has nothing more to do for the backends of these names: they are the live ones, but
  /// for those in `unreachable`, none of their connections is being connected or closed, and for a while none
  /// was. Returns since when it has been so; nothing if that does not come within `limit`.
  std::optional<clock::time_point> until_quiet(const std::vector<std::string>& reachable,
                                               const std::vector<std::string>& unreachable = {});

  /// One look.
  void look();

  /// What was seen last.
  const cueball::pool_stats& stats() const noexcept { return now_.stats; }
  const frame& last() const noexcept { return now_; }

  /// What the users did since the last call.
  tally take();

  /// Snapshots in which `opened` was not `closed + total`, and all.
  std::uint64_t wrong_snapshots() const noexcept { return wrong_snapshots_; }
  std::uint64_t snapshots() const noexcept { return snapshots_; }

  static constexpr std::chrono::seconds limit{10};

 private:
  demo_pool& pool_;
  load& users_;
  view& shown_;
  clock::time_point begin_ = clock::now();
  frame now_;
  tally since_taken_;
  std::deque<std::pair<clock::time_point, tally>> recent_;
  std::uint64_t snapshots_ = 0;
  std::uint64_t wrong_snapshots_ = 0;
};

}  // namespace demo
