// SPDX-License-Identifier: BSL-1.0
/// \file
/// One post through the executor type that pools use: the least that a completion through an executor costs.
#include <chrono>
#include <string>

#include "../support/chains.hpp"
#include "../support/quiet.hpp"

namespace {

struct poster {
  boost::asio::any_io_executor executor;
  bench::chains::link one;

  void operator()() {
    if (one.next()) boost::asio::post(executor, *this);
  }
};

void measure_posts(benchmark::State& state, int threads, int chains) {
  for (auto _ : state) {
    boost::asio::io_context context{threads};
    const boost::asio::any_io_executor executor = context.get_executor();
    bench::chains{context}.run(state, threads, chains, [executor](bench::chains::link one) {
      boost::asio::post(executor, poster{executor, one});
    });
  }
}

/// What connecting dummies takes at the least: as many posts as there are connections.
void measure_bare_posts(benchmark::State& state, int count) {
  using clock = std::chrono::steady_clock;
  for (auto _ : state) {
    double seconds = 0;
    int done = 0;
    const bench::cpu_watch others;
    const auto end = clock::now() + bench::sample_length();
    do {
      boost::asio::io_context context{1};
      const boost::asio::any_io_executor executor = context.get_executor();
      const auto begin = clock::now();
      for (int i = 0; i < count; ++i) boost::asio::post(executor, [&done] { ++done; });
      context.run();
      seconds += std::chrono::duration<double>{clock::now() - begin}.count();
    } while (clock::now() < end);
    state.SetIterationTime(seconds / done);
    state.counters["foreign"] = others.foreign_share();
  }
}

bool add() {
  for (const int backends : {10, 1'000, 10'000})
    bench::add("fill", std::to_string(backends) + "x10", "posts",
               [backends](benchmark::State& state) { measure_bare_posts(state, backends * 10); });
  for (const int threads : {1, 2}) {
    const auto setting = std::to_string(threads);
    bench::add("async", setting, "post",
               [threads](benchmark::State& state) { measure_posts(state, threads, threads); });
    bench::add("async_waiting", setting, "post",
               [threads](benchmark::State& state) { measure_posts(state, threads, 8); });
  }
  return true;
}

[[maybe_unused]] const bool added = add();

}  // namespace
