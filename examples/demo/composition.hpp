// SPDX-License-Identifier: BSL-1.0
/// \file
/// The pool that the demo shows, composed from policies.
#pragma once

#include <chrono>
#include <cstdint>

#include <cueball/cueball.hpp>
#include <cueball/observer/counting.hpp>
#include <cueball/queue/fifo.hpp>
#include <cueball/rebalance/even_spread.hpp>
#include <cueball/tcp_connection.hpp>
#include <cueball/threading/multi_threaded.hpp>

namespace demo {

/// All but the observer are the defaults, named here to be seen.
using demo_pool =
    cueball::pool<cueball::tcp_connection, cueball::queue::fifo, cueball::rebalance::even_spread,
                  cueball::threading::multi_threaded, cueball::observer::counting>;

inline constexpr std::uint32_t connections = 12;
inline constexpr std::chrono::seconds claim_deadline{1};

/// Retries come soon and stay frequent, so that the return of a server is seen within half a second.
inline cueball::pool_options options() {
  using std::chrono::milliseconds;
  return {.max_connections = connections,
          .claim_timeout = claim_deadline,
          .recovery = {.usual = {.timeout = milliseconds{1000},
                                 .delay = milliseconds{100},
                                 .max_delay = milliseconds{500}}}};
}

}  // namespace demo
