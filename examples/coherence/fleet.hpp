// SPDX-License-Identifier: BSL-1.0
/// \file
/// Many clients, each with a pool of its own, that were started together.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <vector>

#include <cueball/core/slot.hpp>
#include <cueball/random.hpp>
#include <cueball/time.hpp>

#include "load.hpp"
#include "simulated_pool.hpp"

namespace coherence {

inline constexpr std::uint32_t clients = 100;

/// Clients that use each backend at one instant.
using users = std::array<std::uint32_t, backends>;

struct fleet_told {
  std::vector<users> samples;  ///< Every 15.1 s, so that it is each backend's turn.
  double busiest_at_first =
      0;                     ///< Mean share of the busiest backend at an instant, in the first five minutes,
  double busiest_later = 0;  ///< and after them.
};

/// Each client claims one connection every 100 ms, all at the same instant, and gives it back before the
/// next.
/// \param one_in of so many claims each client leaves one out, when it likes; 0: none.
template <class Queue, class Decoherence>
fleet_told play_fleet(const Decoherence& decoherence, std::uint32_t one_in, cueball::duration length) {
  using namespace std::chrono_literals;
  std::deque<simulated_pool<Queue, Decoherence>> pools;
  for (std::uint32_t i = 0; i < clients; ++i) pools.emplace_back(decoherence, i + 1);
  cueball::random_source random{1};
  fleet_told all;
  std::array<double, 2> shares{};
  std::array<std::uint32_t, 2> instants{};
  std::uint32_t instant = 0;
  for (auto now = cueball::time_point{1s}; now <= cueball::time_point{length}; now += 100ms, ++instant) {
    users at_once{};
    for (auto& pool : pools) {
      pool.pass_until(now);
      if (one_in != 0 && random.below(one_in) == 0) continue;
      auto& slot = pool.claim();
      ++at_once[slot.backend];
      pool.release(slot);
    }
    if (instant % 151 == 0) all.samples.push_back(at_once);
    const auto later = now < cueball::time_point{300s} ? 0U : 1U;
    const auto all_users = at_once[0] + at_once[1] + at_once[2];
    shares[later] += static_cast<double>(*std::max_element(at_once.begin(), at_once.end())) / all_users;
    ++instants[later];
  }
  all.busiest_at_first = shares[0] / instants[0];
  all.busiest_later = shares[1] / instants[1];
  return all;
}

}  // namespace coherence
