// SPDX-License-Identifier: BSL-1.0
/// \file
/// How the order of use drifts, and what a shuffle does about it: the core that ships, in simulated time.
#include <chrono>
#include <cstdint>
#include <exception>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <cueball/decoherence/never.hpp>
#include <cueball/decoherence/periodic.hpp>
#include <cueball/queue/fifo.hpp>
#include <cueball/queue/lifo.hpp>
#include <cueball/queue/random.hpp>

#include "fleet.hpp"
#include "picture.hpp"
#include "print.hpp"
#include "results.hpp"
#include "story.hpp"

namespace {

using namespace coherence;
using namespace cueball;
using namespace std::chrono_literals;

constexpr std::string_view usage = R"(coherence [--svg FILE]

Plays a pool of nine connections to three backends in simulated time, with each queue, with and without a
shuffle, and prints how even its claims were. The same is printed each time.

  --svg FILE   draws it too
)";

constexpr duration bursts_for = 6h;
constexpr duration busy_for = 10min;

template <class Queue, class Decoherence>
pool_result play(const load& offered, kind_of_load kind, const Decoherence& decoherence,
                 std::string shuffle) {
  const auto length = kind == kind_of_load::bursts ? bursts_for : busy_for;
  return {std::string{Queue::name}, std::move(shuffle),
          story<Queue, Decoherence>{offered, decoherence}.play(kind, length)};
}

template <class Queue>
void play_with_and_without(results& into) {
  using enum kind_of_load;
  const auto& offered = into.offered;
  into.pools.push_back(play<Queue>(offered, bursts, decoherence::never{}, "never"));
  into.pools.push_back(play<Queue>(offered, bursts, decoherence::periodic{between_shuffles}, "300 s"));
  into.busy.push_back(play<Queue>(offered, busy, decoherence::never{}, "never"));
  into.busy.push_back(play<Queue>(offered, busy, decoherence::periodic{20s}, "20 s"));
}

template <class Queue>
void play_fleets(results& into, std::uint32_t one_in, const std::string& out_of_step) {
  const std::string queue{Queue::name};
  into.fleets.push_back(
      {queue, "never", out_of_step, play_fleet<Queue>(decoherence::never{}, one_in, shown)});
  into.fleets.push_back({queue, "300 s", out_of_step,
                         play_fleet<Queue>(decoherence::periodic{between_shuffles}, one_in, shown)});
}

results play_all() {
  results all{.offered = load{bursts_for}, .pools = {}, .more_often = {}, .busy = {}, .fleets = {}};
  play_with_and_without<queue::fifo>(all);
  play_with_and_without<queue::random>(all);
  play_with_and_without<queue::lifo>(all);
  for (const auto interval : {60s, 20s})
    all.more_often.push_back(play<queue::fifo>(all.offered, kind_of_load::bursts,
                                               decoherence::periodic{interval},
                                               std::to_string(interval.count()) + " s"));
  play_fleets<queue::fifo>(all, 0, "none");
  play_fleets<queue::random>(all, 0, "none");
  play_fleets<queue::lifo>(all, 0, "none");
  play_fleets<queue::fifo>(all, 1000, "1 in 1000");
  return all;
}

int run(const std::string& picture) {
  const auto all = play_all();
  print(all, std::cout);
  if (!std::cout.flush()) throw std::runtime_error("the figures could not be written");
  if (picture.empty()) return 0;
  std::ofstream file{picture, std::ios::binary};
  if (!(file << draw(all)).flush()) throw std::runtime_error(picture + " could not be written");
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  std::string picture;
  if (count == 3 && std::string_view{arguments[1]} == "--svg") {
    picture = arguments[2];
  } else if (count != 1) {
    std::cerr << usage;
    return 2;
  }
  try {
    return run(picture);
  } catch (const std::exception& error) {
    std::cerr << "coherence: " << error.what() << '\n';
    return 1;
  }
}
