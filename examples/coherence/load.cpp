// SPDX-License-Identifier: BSL-1.0
#include "load.hpp"

#include <algorithm>
#include <chrono>

namespace coherence {

using namespace std::chrono_literals;

namespace {

/// The product of many small factors is log-normal, nearly; this one is the same on every platform.
cueball::duration draw_hold(cueball::random_source& random) {
  auto length = cueball::duration{8ms};
  for (auto coins = random() >> 52U, i = std::uint64_t{0}; i < 12; ++i, coins >>= 1U)
    length = coins & 1U ? length * 8 / 7 : length * 7 / 8;
  return length;
}

}  // namespace

load::load(cueball::duration length) {
  cueball::random_source random{2};
  for (auto& its : pauses_)
    for (cueball::time_point at{}; at < cueball::time_point{length};) {
      at += 5min + std::chrono::milliseconds{random.below(600'000)};
      its.push_back({at, at + 1s});
    }
}

cueball::time_point load::end_of_claim(std::uint32_t backend, cueball::time_point now,
                                       cueball::random_source& random) const {
  const auto& its = pauses_[backend];
  const auto end = now + draw_hold(random);
  const auto next =
      std::partition_point(its.begin(), its.end(), [&](const pause& one) { return one.end <= now; });
  if (next == its.end() || next->begin >= end) return end;
  return end + (next->end - std::max(now, next->begin));
}

}  // namespace coherence
