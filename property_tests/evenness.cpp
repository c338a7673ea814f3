// SPDX-License-Identifier: BSL-1.0
/// \file
/// What a queue does to the order in which backends are used, and to their load: the table of
/// docs/policies.md.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <iomanip>
#include <iostream>
#include <numbers>
#include <queue>
#include <utility>
#include <vector>

#include <cueball/core/front.hpp>
#include <cueball/core/slot.hpp>
#include <cueball/queue/fifo.hpp>
#include <cueball/queue/interleaved.hpp>
#include <cueball/queue/least_loaded.hpp>
#include <cueball/queue/lifo.hpp>
#include <cueball/queue/random.hpp>
#include <cueball/queue/sticky.hpp>
#include <cueball/threading/single_threaded.hpp>

#include <support/catch.hpp>

namespace cueball::laws {

namespace {

struct row {
  std::uint32_t longest_run = 0;  ///< Of one backend.
  double twice = 0;               ///< Part of the claims that are of the same backend as the one before.
  double variation = 0;           ///< Of the claims of a backend in windows of 16, around 4.
  double difference =
      0;  ///< Claimed connections of the busiest backend minus those of the idlest, on average.
};

constexpr std::uint32_t backends = 4;
constexpr std::uint32_t connections = 16;
constexpr std::uint32_t workers = 6;
constexpr std::uint32_t claims = 200'000;
constexpr double pause = 0.1;  ///< Of a worker between two claims, on average.

/// By Box and Muller; of median 1.
double log_normal(random_source& random) {
  const auto radius = std::sqrt(-2.0 * std::log(1.0 - random.fraction()));
  return std::exp(radius * std::cos(2.0 * std::numbers::pi * random.fraction()));
}

/// Of mean 1.
double exponential(random_source& random) {
  return -std::log(1.0 - random.fraction());
}

/// Workers who claim, hold for a log-normal time, release, and claim again a little later.
template <class Queue>
row use() {
  std::vector<core::slot_base> slots(connections);
  core::front<Queue, threading::single_threaded> idle{Queue{}, connections, random_source{1}, slots};
  idle.shut(core::gate::not_running, false);
  for (std::uint32_t i = 0; i < connections; ++i) {
    slots[i].index = i;
    slots[i].backend = i % backends;
    idle.make_room(slots[i]);
    idle.put(slots[i]);
  }
  random_source random{2};
  struct happening {
    double when;
    core::slot_base* released;  ///< Null: somebody claims.

    bool operator>(const happening& other) const { return when > other.when; }
  };
  std::priority_queue<happening, std::vector<happening>, std::greater<>> next;
  for (std::uint32_t i = 0; i < workers; ++i) next.push({exponential(random), nullptr});
  std::array<std::uint32_t, backends> claimed{};
  std::array<std::uint32_t, backends> window{};
  std::uint32_t done = 0, in_window = 0, windows = 0, run = 0, last = backends, twice = 0;
  double now = 0, squares = 0, weighted = 0;
  row seen;
  while (done < claims) {
    const auto [when, released] = next.top();
    next.pop();
    const auto [least, most] = std::minmax_element(claimed.begin(), claimed.end());
    weighted += (when - now) * (*most - *least);
    now = when;
    if (released) {
      --claimed[released->backend];
      REQUIRE(idle.try_put(*released) == push_result::done);
      next.push({now + pause * exponential(random), nullptr});
      continue;
    }
    auto* const slot = idle.try_take();
    REQUIRE(slot != nullptr);
    const auto backend = slot->backend;
    ++claimed[backend];
    next.push({now + log_normal(random), slot});
    ++done;

    run = backend == last ? run + 1 : 1;
    twice += backend == last;
    last = backend;
    seen.longest_run = std::max(seen.longest_run, run);
    ++window[backend];
    if (++in_window < connections) continue;
    for (auto& count : window) squares += std::pow(std::exchange(count, 0U) - 4.0, 2);
    in_window = 0;
    ++windows;
  }
  seen.twice = static_cast<double>(twice) / claims;
  seen.variation = std::sqrt(squares / backends / windows) / 4.0;
  seen.difference = weighted / now;
  return seen;
}

template <class Queue>
row shown() {
  const auto seen = use<Queue>();
  std::cout << std::setw(20) << Queue::name << std::setw(5) << seen.longest_run << std::fixed
            << std::setprecision(1) << std::setw(7) << 100 * seen.twice << " %" << std::setprecision(3)
            << std::setw(8) << seen.variation << std::setprecision(2) << std::setw(7) << seen.difference
            << "\n";
  return seen;
}

}  // namespace

TEST_CASE("a queue that takes turns is even over any stretch, and one that looks at the load at any moment",
          "[evenness]") {
  const auto lifo = shown<queue::lifo>();
  const auto random = shown<queue::random>();
  const auto fifo = shown<queue::fifo>();
  shown<queue::sticky>();
  const auto turns = shown<queue::interleaved>();
  const auto loads = shown<queue::least_loaded>();
  CHECK(turns.longest_run == 1);
  CHECK(turns.twice == 0);
  for (const auto& other : {lifo, random, fifo, loads}) CHECK(turns.variation < other.variation / 20);
  for (const auto& other : {lifo, random, fifo, turns}) CHECK(loads.difference < other.difference);
  CHECK(loads.longest_run < random.longest_run + 3);
  CHECK(loads.twice < fifo.twice / 3);
  CHECK(loads.variation < random.variation);
}

}  // namespace cueball::laws
