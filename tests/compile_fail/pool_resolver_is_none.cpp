// SPDX-License-Identifier: BSL-1.0
// error: cueball: the argument in the place of the resolver is none
#include <cueball/cueball.hpp>

void wrong() {
  cueball::pool<cueball::tcp_connection> pool{cueball::backend{"127.0.0.1", 1}, {.max_connections = 2}};
}
