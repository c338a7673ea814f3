// SPDX-License-Identifier: BSL-1.0
/// \file
/// What an idle connection takes beyond itself, and whether claims allocate.
#pragma once

#include <cstdint>
#include <string>

#include "counting.hpp"
#include "pools/filled.hpp"
#include "support/dummy_connection.hpp"
#include "support/program.hpp"

namespace bench {

template <class Pool>
struct standing_pool {
  explicit standing_pool(int connections)
      : pool(context, cueball::static_resolver{backends(10)}, options_for(connections)) {
    fill(context, pool);
    context.run_for(std::chrono::milliseconds{5});
  }

  boost::asio::io_context context{1};
  Pool pool;
};

template <class Pool>
allocated taken_by(int connections) {
  const auto before = allocated_now();
  const standing_pool<Pool> all{connections};
  const auto after = allocated_now();
  return {after.bytes - before.bytes, after.calls - before.calls};
}

/// Calls of `operator new` in so many claims with their release.
template <class Pool>
double allocations_of_claims(int count) {
  standing_pool<Pool> all{10};
  const auto claim_all = [&] {
    for (int i = 0; i < count; ++i) const auto held = all.pool.try_claim();
  };
  claim_all();
  const auto before = allocated_now().calls;
  claim_all();
  return static_cast<double>(allocated_now().calls - before) / count;
}

template <class Pool>
struct counting_claimer {
  Pool* pool;
  int* left;

  void operator()(cueball::error_code, typename Pool::lease_type) {
    if (--*left > 0) pool->async_claim(*this);
  }
};

/// The same with `async_claim`, once its memory is recycled.
template <class Pool>
double allocations_of_async_claims(int count) {
  standing_pool<Pool> all{10};
  std::int64_t before = 0;
  int left = 0;
  for (int round = 0; round < 2; ++round) {
    before = allocated_now().calls;
    left = count;
    all.pool.async_claim(counting_claimer<Pool>{&all.pool, &left});
    while (left > 0) all.context.run_one();
  }
  return static_cast<double>(allocated_now().calls - before) / count;
}

template <class Pool>
bool add_memory(const std::string& who) {
  add("memory", "10000", who, [](benchmark::State& state) {
    for (auto _ : state) {
      constexpr int few = 10;
      constexpr int many = 10'000;
      const auto little = taken_by<Pool>(few);
      const auto much = taken_by<Pool>(many);
      const double bytes = static_cast<double>(much.bytes - little.bytes) / (many - few);
      // Bytes stand where others have nanoseconds.
      state.SetIterationTime(1e-9 * (bytes - sizeof(typename Pool::connection_type)));
      state.counters["foreign"] = 0;
      state.counters["allocations"] = static_cast<double>(much.calls - little.calls) / (many - few);
      state.counters["claim_allocations"] = allocations_of_claims<Pool>(1000);
      state.counters["async_claim_allocations"] = allocations_of_async_claims<Pool>(1000);
    }
  });
  return true;
}

}  // namespace bench
