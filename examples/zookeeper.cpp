// SPDX-License-Identifier: BSL-1.0
/// \file
/// A pool over what ZooKeeper says: `zookeeper 10.0.0.1:2181,10.0.0.2:2181 /services/web` connects to each
/// child of that node, for ten seconds, and prints who it is connected to.
#include <chrono>
#include <iostream>
#include <thread>

#include <cueball/cueball.hpp>
#include <cueball/zookeeper_resolver.hpp>

using namespace std::chrono_literals;

int main(int count, char** words) try {
  if (count != 3) {
    std::cerr << "usage: zookeeper SERVERS PATH\n";
    return 2;
  }
  cueball::pool<cueball::tcp_connection> pool{
      cueball::zookeeper_resolver{{.servers = words[1], .path = words[2]}}, {.max_connections = 8}};

  for (int second = 0; second < 10; ++second, std::this_thread::sleep_for(1s)) {
    for (const auto& row : pool.stats().backends)
      std::cout << row.where.key() << ": " << row.slots.idle << " idle\n";
    std::cout << "--\n";
  }
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
