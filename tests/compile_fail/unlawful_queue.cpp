// SPDX-License-Identifier: BSL-1.0
// error: cueball: Policy names an axis but does not model the concept of that axis
// shows: queue_strategy<Policy>
#include <cstddef>
#include <string_view>

#include <cueball/policy_set.hpp>

struct bottomless {
  using category = cueball::queue_policy;
  static constexpr std::string_view name = "bottomless";

  template <class Slot>
  struct queue {
    queue(const bottomless&, std::size_t, cueball::random_source) {}
    void push(Slot) noexcept {}
    Slot pop() noexcept { return {}; }  // an empty queue has no answer
    void remove(Slot) noexcept {}
    std::size_t size() const noexcept { return 0; }
    bool shuffle(cueball::random_source&, std::size_t) noexcept { return true; }
  };
};

using policies = cueball::make_policy_set<bottomless>;
