// SPDX-License-Identifier: BSL-1.0
/// \file
/// Slow paths: filling a pool, and the moves when backends are lost and added.
#pragma once

#include <algorithm>
#include <chrono>
#include <string>

#include <cueball/decoherence/periodic.hpp>

#include "landscape.hpp"
#include "support/program.hpp"
#include "support/quiet.hpp"
#include "timed.hpp"

namespace bench {

enum class change { fill, lost, added, outage };

/// Again and again, each time with another pool, until the time of a sample is over.
template <class Pool>
void measure_change(benchmark::State& state, change what, int size) {
  const auto tenth = static_cast<std::size_t>(std::max(size / 10, 1));
  const std::size_t count = what == change::outage ? tenth : 1;
  for (auto _ : state) {
    double seconds = 0;
    double moved = 0;
    double churn = 0;
    const cpu_watch others;
    const auto end = std::chrono::steady_clock::now() + sample_length();
    do {
      landscape<Pool> all{size};
      const double filled = all.fill();
      if (what == change::added) all.lose(count);
      if (what == change::fill)
        seconds += filled;
      else
        seconds += what == change::added ? all.add(count) : all.lose(count);
      moved += what == change::fill ? static_cast<double>(all.total())
                                    : static_cast<double>(count * landscape<Pool>::connections_each);
      churn = std::max(churn, all.churn());
    } while (std::chrono::steady_clock::now() < end);
    state.SetIterationTime(seconds / moved);
    state.counters["foreign"] = others.foreign_share();
    state.counters["churn"] = churn;
  }
}

/// How long the mutex is held at a stretch, while backends come and go and idle connections are shuffled.
template <class Pool>
void measure_slices(benchmark::State& state, int size) {
  for (auto _ : state) {
    slices().clear();
    const cpu_watch others;
    {
      landscape<Pool> all{size, cueball::decoherence::periodic{std::chrono::milliseconds{20}}};
      all.fill();
      const auto tenth = static_cast<std::size_t>(std::max(size / 10, 1));
      all.lose(tenth);
      all.add(tenth);
      all.run_for(sample_length());
    }
    state.counters["foreign"] = others.foreign_share();
    state.counters["longest"] =
        1e-3 * static_cast<double>(*std::max_element(slices().begin(), slices().end()));
    state.SetIterationTime(slice_percentile(0.999));
  }
}

template <class Model>
bool add_scale(const std::string& who) {
  using pool = cueball::pool<counted_connection, Model>;
  using timed_pool = cueball::pool<counted_connection, timed<Model>>;
  for (const int size : {10, 1'000, 10'000}) {
    const auto setting = std::to_string(size) + "x10";
    const auto add_change = [&](const char* name, change what) {
      add(name, setting, who,
          [what, size](benchmark::State& state) { measure_change<pool>(state, what, size); });
    };
    add_change("fill", change::fill);
    add_change("lost", change::lost);
    add_change("added", change::added);
    add_change("outage", change::outage);
    if constexpr (Model::concurrent)
      add("slices", setting, who,
          [size](benchmark::State& state) { measure_slices<timed_pool>(state, size); });
  }
  return true;
}

}  // namespace bench
