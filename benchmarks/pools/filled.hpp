// SPDX-License-Identifier: BSL-1.0
/// \file
/// Pools of cueball, as subjects.
#pragma once

#include <cstdint>
#include <vector>

#include <boost/asio/io_context.hpp>

#include <cueball/pool.hpp>
#include <cueball/static_resolver.hpp>

namespace bench {

inline cueball::pool_options options_for(int connections) {
  return {.max_connections = static_cast<std::uint32_t>(connections),
          .rebalance_delay = std::chrono::milliseconds{1}};
}

/// Ports count from one up; addresses go on where the ports end.
inline std::vector<cueball::backend> backends(int count) {
  std::vector<cueball::backend> all;
  for (int i = 0; i < count; ++i)
    all.push_back({.address = "127.0.0." + std::to_string(1 + i / 60'000),
                   .port = static_cast<std::uint16_t>(1 + i % 60'000)});
  return all;
}

/// Runs `context` until as many connections as there can be are up.
template <class Pool>
void fill(boost::asio::io_context& context, Pool& pool) {
  bool is_ready = false;
  pool.async_wait_ready(pool.options().max_connections, cueball::no_limit,
                        [&](cueball::error_code) { is_ready = true; });
  while (!is_ready) context.run_one();
}

/// Over four backends; with a thread of its own where the threading model allows that.
template <class Pool>
class filled_pool {
 public:
  filled_pool(int, int connections) : filled_pool(connections, backends(4)) {}

  filled_pool(int connections, const std::vector<cueball::backend>& where)
      : pool_(cueball::static_resolver{where}, options_for(connections)) {
    pool_.wait_ready(pool_.options().max_connections, cueball::no_limit);
  }

  typename Pool::lease_type claim(int) { return pool_.claim(); }

 private:
  Pool pool_;
};

template <class Pool>
  requires(!Pool::threading::blocks)
class filled_pool<Pool> {
 public:
  filled_pool(int, int connections) : filled_pool(connections, backends(4)) {}

  filled_pool(int connections, const std::vector<cueball::backend>& where)
      : pool_(context_, cueball::static_resolver{where}, options_for(connections)) {
    fill(context_, pool_);
  }

  typename Pool::lease_type claim(int) { return pool_.try_claim(); }

 private:
  boost::asio::io_context context_{1};
  Pool pool_;
};

}  // namespace bench
