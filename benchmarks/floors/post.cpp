// SPDX-License-Identifier: BSL-1.0
/// \file
/// One post through the executor type that pools use: the least that a completion through an executor costs.
#include <string>

#include "../support/chains.hpp"

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

bool add() {
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
