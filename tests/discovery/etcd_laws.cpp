// SPDX-License-Identifier: BSL-1.0
/// \file
/// The laws of a resolver, of etcd_resolver over a real etcd.
#include <cueball/etcd_resolver.hpp>
#include <cueball/laws/resolver.hpp>

#include <support/catch.hpp>

#include "etcd_server.hpp"

using namespace cueball;

TEST_CASE("a resolver of etcd's keeps the laws") {
  const support::etcd_server server;
  for (const char* each : {"10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1"})
    server.put(std::string{"/s/"} + each, each);
  CHECK_NOTHROW(
      laws::check_resolver([&] { return etcd_resolver{{.endpoints = server.endpoint(), .prefix = "/s/"}}; }));
}
