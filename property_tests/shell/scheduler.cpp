// SPDX-License-Identifier: BSL-1.0
/// \file
/// Running what is ready.

#include "scheduler.hpp"

#include <algorithm>

namespace cueball::laws::shell {

scheduler::~scheduler() {
  closed_ = true;
  while (!ready_.empty()) {
    const auto gone = std::move(ready_.front());
    ready_.pop_front();
  }
  // An engine that goes with its last wait takes its timer with it.
  for (bool again = true; std::exchange(again, false);)
    for (auto* const one : timers_)
      if (!one->waiting.empty()) {
        const auto gone = std::exchange(one->waiting, {});
        again = true;
        break;
      }
  shutdown();
}

void scheduler::run(std::size_t which) {
  run_at(in_order_ ? 0 : which % ready_.size());
}

void scheduler::run_at(std::size_t which) {
  const auto at = ready_.begin() + static_cast<std::ptrdiff_t>(which);
  const auto mine = std::move(*at);
  ready_.erase(at);
  if (mine.tag != 0) before_run(mine.tag);
  mine.what->run();
}

void scheduler::fire_timers() {
  for (auto* const one : timers_)
    if (one->expiry <= virtual_clock::now())
      for (const auto& wait : std::exchange(one->waiting, {})) wait->complete({}, {});
}

time_point scheduler::next_timer() const noexcept {
  auto next = never_comes;
  for (const auto* const one : timers_)
    if (!one->waiting.empty()) next = std::min(next, one->expiry);
  return next;
}

}  // namespace cueball::laws::shell
