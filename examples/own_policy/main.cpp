// SPDX-License-Identifier: BSL-1.0
/// \file
/// A pool with a policy of one's own.
#include <chrono>
#include <cstdint>
#include <iostream>
#include <map>
#include <string>
#include <thread>

#include <cueball/cueball.hpp>

#include "../line_server.hpp"
#include "warm_standby.hpp"

using namespace std::chrono_literals;

using directory_pool = cueball::pool<cueball::tcp_connection, warm_standby>;

/// Connections that are up, by the name of their backend.
using spread = std::map<std::string, std::uint32_t>;

spread spread_of(const directory_pool& pool) {
  spread found;
  for (const auto& row : pool.stats().backends)
    found[row.where.name] = row.slots.idle + row.slots.claimed + row.slots.checking;
  return found;
}

int main() {
  const examples::line_server server;  // a backend is told apart by its name, too
  const auto at = [&](const char* name, std::uint32_t priority) {
    return cueball::backend{
        .address = "127.0.0.1", .port = server.port(), .name = name, .priority = priority};
  };
  const cueball::static_resolver servers{at("here-1", 0), at("here-2", 0), at("far-1", 1), at("far-2", 1)};

  const directory_pool pool{servers, {.max_connections = 12}, warm_standby{.warm = 2}};

  const spread wanted{{"here-1", 4}, {"here-2", 4}, {"far-1", 2}, {"far-2", 2}};
  for (int i = 0; i < 500 && spread_of(pool) != wanted; ++i) std::this_thread::sleep_for(10ms);

  for (const auto& [name, count] : spread_of(pool)) std::cout << name << ' ' << count << '\n';
  return spread_of(pool) == wanted ? 0 : 1;
}
