// SPDX-License-Identifier: BSL-1.0
// error: cueball: Queue has no concurrent form, which Threading needs
// shows: locked_only
#include <cueball/policy_set.hpp>
#include <cueball/threading/lock_free.hpp>

struct locked_only {
  using category = cueball::queue_policy;
  static constexpr std::string_view name = "locked_only";

  template <class Slot>
  struct queue : cueball::queue::fifo::queue<Slot> {
    queue(const locked_only&, std::size_t capacity, cueball::random_source source)
        : cueball::queue::fifo::queue<Slot>({}, capacity, source) {}
  };
};

using policies = cueball::make_policy_set<locked_only, cueball::threading::lock_free>;
