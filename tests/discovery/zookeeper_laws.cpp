// SPDX-License-Identifier: BSL-1.0
/// \file
/// The laws of a resolver, of zookeeper_resolver over a real ensemble.
#include <cueball/laws/resolver.hpp>
#include <cueball/zookeeper_resolver.hpp>

#include <support/catch.hpp>

#include "zookeeper_ensemble.hpp"

using namespace cueball;

TEST_CASE("a resolver of ZooKeeper's keeps the laws") {
  support::zookeeper_writer writer{support::shared_ensemble().servers()};
  const auto path = support::fresh_path();
  writer.create(path, "");
  for (const char* each : {"10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1"}) writer.create(path + '/' + each, each);
  CHECK_NOTHROW(laws::check_resolver([&] {
    return zookeeper_resolver{
        zookeeper_options{.servers = support::shared_ensemble().servers(), .path = path}};
  }));
}
