// SPDX-License-Identifier: BSL-1.0
/// \file
/// One post through the executor type that pools use: the least that a completion through an executor costs.
#include <chrono>
#include <optional>
#include <string>

#include <boost/asio/steady_timer.hpp>

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

/// \param timer whether one waits on the context meanwhile, as the pool's does. Then the context looks for
/// what
///   is ready, by a system call, whenever it has run what it had; without timer or socket it never does.
void measure_posts(benchmark::State& state, int threads, int chains, bool timer) {
  for (auto _ : state) {
    boost::asio::io_context context{threads};
    std::optional<boost::asio::steady_timer> far_off;
    if (timer) {
      far_off.emplace(context, std::chrono::hours{1});
      far_off->async_wait([](boost::system::error_code) {});
    }
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
    for (const bool timer : {false, true}) {
      const std::string who = timer ? "post_beside_timer" : "post";
      bench::add("async", setting, who,
                 [=](benchmark::State& state) { measure_posts(state, threads, threads, timer); });
      bench::add("async_waiting", setting, who,
                 [=](benchmark::State& state) { measure_posts(state, threads, 8, timer); });
    }
  }
  return true;
}

[[maybe_unused]] const bool added = add();

}  // namespace
