// SPDX-License-Identifier: BSL-1.0
// error: cueball: a pool with this threading policy needs an executor
#include <cueball/cueball.hpp>
#include <cueball/threading/single_threaded.hpp>

void wrong() {
  cueball::pool<cueball::tcp_connection, cueball::threading::single_threaded> pool{
      cueball::static_resolver{{"127.0.0.1", 1}}, {.max_connections = 2}};
}
