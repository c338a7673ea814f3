// SPDX-License-Identifier: BSL-1.0
// error: cueball: Value is not one of the policies that the type of the pool names
#include <cueball/cueball.hpp>
#include <cueball/decoherence/jittered.hpp>

void wrong() {
  cueball::pool<cueball::tcp_connection> pool{
      cueball::static_resolver{{"127.0.0.1", 1}}, {.max_connections = 2}, cueball::decoherence::jittered{}};
}
