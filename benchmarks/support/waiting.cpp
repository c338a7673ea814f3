// SPDX-License-Identifier: BSL-1.0
#include "waiting.hpp"

#include <algorithm>
#include <cstddef>
#include <thread>

namespace bench {

std::string waiting_setting::name() const {
  return std::to_string(threads) + "x" + std::to_string(held.count()) + "us_" + (asleep ? "asleep" : "busy");
}

std::chrono::milliseconds waiting_setting::length() const {
  using std::chrono::milliseconds;
  constexpr int turns = 24;
  const auto needed = std::chrono::duration_cast<milliseconds>(held * threads / 2 * turns);
  // A smoke test is over sooner.
  return std::max(sample_length(), std::min(needed, sample_length() * 8));
}

const std::vector<waiting_setting>& waiting_settings() {
  static const std::vector<waiting_setting> all = [] {
    std::vector<waiting_setting> made;
    for (const bool asleep : {true, false})
      for (const int threads : {8, 64})
        for (const int held : {10, 100, 1000})
          made.push_back({threads, std::chrono::microseconds{held}, asleep});
    return made;
  }();
  return all;
}

void hold(const waiting_setting& how) {
  if (how.asleep) return std::this_thread::sleep_for(how.held);
  const auto end = waits::clock::now() + how.held;
  while (waits::clock::now() < end) {
  }
}

double waits::percentile(double share) {
  if (all_.empty()) return 0;
  const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(all_.size() - 1));
  std::nth_element(all_.begin(), all_.begin() + at, all_.end());
  return std::chrono::duration<double, std::micro>(all_[static_cast<std::size_t>(at)]).count();
}

void tell_waiting(benchmark::State& state, const sample& result, std::vector<waits>& each) {
  waits all;
  for (const auto& one : each) all.add(one);
  tell(state, result);
  state.counters["p50"] = all.percentile(0.5);
  state.counters["p99"] = all.percentile(0.99);
  state.counters["p999"] = all.percentile(0.999);
  state.counters["unfairness"] = result.unfairness();
}

}  // namespace bench
