// SPDX-License-Identifier: BSL-1.0
/// \file
/// A program with one pool.
#include <cueball/cueball.hpp>
#include <cueball/tcp_connection.hpp>

int main() {
  cueball::pool<cueball::tcp_connection> pool{cueball::static_resolver{{"127.0.0.1", 9001}}};
  auto connection = pool.claim();
  connection->socket().non_blocking(true);
}
