// SPDX-License-Identifier: BSL-1.0
// error: cueball: the argument in the place of the make function is none
#include <string>

#include <cueball/cueball.hpp>

void wrong() {
  const auto make = [](const std::string& address) { return address; };
  cueball::pool<cueball::tcp_connection> pool{
      cueball::static_resolver{{"127.0.0.1", 1}}, make, {.max_connections = 2}};
}
