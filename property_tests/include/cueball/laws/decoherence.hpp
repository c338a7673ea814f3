// SPDX-License-Identifier: BSL-1.0
/// \file
/// The laws of a decoherence schedule.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>

#include <cueball/decoherence_policy.hpp>
#include <cueball/laws/law.hpp>

namespace cueball::laws {

/// The laws of the decoherence axis. (That a shuffle is uniform is a law of the queue.)
/// \throws law_broken
template <decoherence_schedule Policy>
void check_decoherence(const Policy& policy = {}) {
  using std::chrono::hours;
  using std::chrono::milliseconds;
  const auto of = " (" + std::string{Policy::name} + ")";

  const auto any_time = [] {
    return time_point{milliseconds{*rc::gen::inRange<std::int64_t>(0, 1'000'000'000)}};
  };
  const auto any_coherence = [] {
    const auto idle = *rc::gen::inRange<std::uint32_t>(0, 1000);
    if (idle == 0) return coherence{};
    const auto backends = *rc::gen::inRange<std::uint32_t>(1, idle + 1);
    const auto most = idle - backends;  // repeats that there can be
    return coherence{.idle = idle,
                     .longest_run = *rc::gen::inRange<std::uint32_t>(1, most + 2),
                     .looked_at = idle,
                     .backends = backends,
                     .repeats = *rc::gen::inRange<std::uint32_t>(0, most + 1),
                     .by_chance = most * *rc::gen::inRange<std::uint32_t>(0, 101) / 100.0};
  };

  law("the next step lies ahead, by a millisecond at least, or there is none" + of, [&] {
    const auto now = any_time();
    random_source random{*rc::gen::arbitrary<std::uint64_t>()};
    auto its = policy;
    const auto next = its.next(now, any_coherence(), random);
    demand(next.when == never_comes || next.when >= now + milliseconds{1}, "the next step lies ahead");
  });

  law("the same seed gives the same step" + of, [&] {
    const auto now = any_time();
    const auto measured = any_coherence();
    const auto seed = *rc::gen::arbitrary<std::uint64_t>();
    random_source random{seed};
    random_source again{seed};
    auto its = policy;
    auto copy = policy;
    for (auto at = now; at < now + hours{1};) {
      const auto next = its.next(at, measured, random);
      const auto same = copy.next(at, measured, again);
      demand(next.when == same.when && next.what == same.what, "the step is the same");
      at = std::max(next.when, at + std::chrono::minutes{1});
    }
  });

  law("asked later, it names no earlier time" + of, [&] {
    const auto now = any_time();
    const auto measured = any_coherence();
    const auto jump = milliseconds{*rc::gen::inRange<std::int64_t>(0, 1'000'000'000)};
    const auto seed = *rc::gen::arbitrary<std::uint64_t>();
    random_source random{seed};
    random_source again{seed};
    auto its = policy;
    auto copy = policy;
    const auto next = its.next(now, measured, random);
    const auto later = copy.next(now + jump, measured, again);
    demand(later.when >= next.when, "a jump of the clock takes no step back");
  });

  law("the end of all time is no reason to stumble" + of, [&] {
    random_source random{*rc::gen::arbitrary<std::uint64_t>()};
    const auto now = never_comes - milliseconds{*rc::gen::inRange<std::int64_t>(1, 1'000'000)};
    auto its = policy;
    const auto next = its.next(now, any_coherence(), random);
    demand(next.when > now, "the next step lies ahead, or never comes");
  });

  fact("a schedule that began goes on" + of, [&] {
    random_source random{1};
    time_point now{};
    const auto end = now + hours{24 * 365};
    const coherence measured{
        .idle = 100, .longest_run = 10, .looked_at = 100, .backends = 10, .repeats = 90, .by_chance = 9};
    std::uint32_t steps = 0;
    auto its = policy;
    while (now < end && steps < 200'000) {
      const auto next = its.next(now, measured, random);
      if (next.when == never_comes) break;
      now = next.when;
      ++steps;
    }
    demand(now >= end || steps == 0 || steps == 200'000,
           "after each step there is a next one, for a year or 200,000 steps");
  });
}

}  // namespace cueball::laws
