// SPDX-License-Identifier: BSL-1.0
/// \file
/// All that was simulated: what is printed, and what is drawn.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include <cueball/time.hpp>

#include "fleet.hpp"
#include "load.hpp"
#include "story.hpp"

namespace coherence {

/// One queue with one schedule of shuffles.
struct pool_result {
  std::string queue;
  std::string shuffle;  ///< "never", or how often.
  told what;
};

struct fleet_result {
  std::string queue;
  std::string shuffle;
  std::string out_of_step;  ///< How many of its claims each client leaves out.
  fleet_told what;
};

struct results {
  load offered;
  std::vector<pool_result> pools;       ///< Bursts; by queue, each without a shuffle first, then with one.
  std::vector<pool_result> more_often;  ///< The same for fifo, at other intervals.
  std::vector<pool_result> busy;        ///< By queue, without and with a shuffle.
  std::vector<fleet_result> fleets;     ///< The first without a shuffle, the second with one.
};

inline constexpr cueball::duration between_shuffles = std::chrono::minutes{5};

/// How much of it is shown in full.
inline constexpr cueball::duration shown = std::chrono::minutes{25};

/// Where the drift ended in one run of each backend, and a shuffle came right after: the sample before it.
inline std::size_t before_the_shuffle(const told& what) {
  for (std::size_t i = 1; i + 1 < what.samples.size(); ++i) {
    const auto& order = what.samples[i].order;
    std::size_t changes = 0;
    for (std::size_t k = 1; k < order.size(); ++k) changes += order[k] != order[k - 1];
    if (changes == 2 && what.samples[i + 1].at % between_shuffles == cueball::duration{}) return i;
  }
  return 0;
}

/// Minutes and seconds.
inline std::string clock_time(cueball::duration at) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(at).count();
  const auto rest = seconds % 60;
  return std::to_string(seconds / 60) + (rest < 10 ? ":0" : ":") + std::to_string(rest);
}

}  // namespace coherence
