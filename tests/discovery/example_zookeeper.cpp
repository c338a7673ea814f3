// SPDX-License-Identifier: BSL-1.0
/// \file
/// examples/zookeeper.cpp, whose program is the argument, against a real ZooKeeper.
#include <exception>
#include <iostream>
#include <string>

#include "example_run.hpp"
#include "zookeeper_ensemble.hpp"

int main(int, char** words) try {
  const support::skip_unless with_server{support::zookeeper_ensemble::is_there(), "ZooKeeper"};
  const support::zookeeper_ensemble server{1};
  support::zookeeper_writer writer{server.servers()};
  writer.create("/web", "");
  const bool right = support::follows(
      {words[1], server.servers(), "/web"},
      [&](const std::string& name, const std::string& address) { writer.create("/web/" + name, address); });
  return right ? 0 : 1;
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
