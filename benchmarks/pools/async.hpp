// SPDX-License-Identifier: BSL-1.0
/// \file
/// async_claim: with a connection for everybody, and with two for eight that wait in turn.
#pragma once

#include <string>
#include <utility>

#include "filled.hpp"
#include "support/chains.hpp"
#include "support/cycles.hpp"

namespace bench {

/// Claims again after it has released.
template <class Pool>
struct immediate_claimer {
  Pool* pool;
  chains::link one;

  void operator()(cueball::error_code, typename Pool::lease_type claimed) {
    {
      auto held = std::move(claimed);
      use(held);
    }
    if (one.next()) pool->async_claim(*this);
  }
};

/// Claims again before it releases: while there are more claimers than connections, each claim waits.
template <class Pool>
struct waiting_claimer {
  Pool* pool;
  chains::link one;

  void operator()(cueball::error_code, typename Pool::lease_type claimed) {
    use(claimed);
    if (one.next()) pool->async_claim(*this);
  }
};

template <class Pool, template <class> class Claimer>
void measure_async(benchmark::State& state, int threads, int claimers, int size) {
  for (auto _ : state) {
    boost::asio::io_context context{threads};
    Pool pool{context, cueball::static_resolver{backends(2)}, options_for(size)};
    fill(context, pool);
    chains{context}.run(state, threads, claimers,
                        [&pool](chains::link one) { pool.async_claim(Claimer<Pool>{&pool, one}); });
  }
}

template <class Pool>
bool add_async(const std::string& who) {
  for (const int threads : {1, 2}) {
    if (threads > 1 && !Pool::threading::concurrent) break;
    const auto setting = std::to_string(threads);
    add("async", setting, who, [threads](benchmark::State& state) {
      measure_async<Pool, immediate_claimer>(state, threads, threads, connections);
    });
    add("async_waiting", setting, who,
        [threads](benchmark::State& state) { measure_async<Pool, waiting_claimer>(state, threads, 8, 2); });
  }
  return true;
}

}  // namespace bench
