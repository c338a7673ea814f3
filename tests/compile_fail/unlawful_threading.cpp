// SPDX-License-Identifier: BSL-1.0
// error: cueball: Policy names an axis but does not model the concept of that axis
// shows: threading_model<Policy>
#include <chrono>
#include <string_view>

#include <cueball/policy_set.hpp>
#include <cueball/threading/single_threaded.hpp>

struct sleepless {
  using category = cueball::threading_policy;
  static constexpr std::string_view name = "sleepless";
  static constexpr bool blocks = false;
  static constexpr bool concurrent = false;
  template <class Word>
  using atomic = cueball::threading::plain_word<Word>;
  using mutex = cueball::threading::single_threaded::mutex;
  using fast_mutex = cueball::threading::single_threaded::fast_mutex;
  using clock = std::chrono::steady_clock;
  // no parker
};

using policies = cueball::make_policy_set<sleepless>;
