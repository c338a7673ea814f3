// SPDX-License-Identifier: BSL-1.0
/// \file
/// examples/etcd.cpp, whose program is the argument, against a real etcd.
#include <exception>
#include <iostream>
#include <string>

#include "etcd_server.hpp"
#include "example_run.hpp"

int main(int, char** words) try {
  const support::skip_unless with_server{support::etcd_server::is_there(), "etcd"};
  const support::etcd_server server;
  const bool right = support::follows(
      {words[1], server.endpoint(), "/web/"},
      [&](const std::string& name, const std::string& address) { server.put("/web/" + name, address); });
  return right ? 0 : 1;
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
