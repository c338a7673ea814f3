// SPDX-License-Identifier: BSL-1.0
/// \file
/// Pools whose size follows what is asked of them, and that are given another size.
#include <memory>
#include <system_error>
#include <vector>

#include <cueball/pool.hpp>
#include <cueball/static_resolver.hpp>
#include <cueball/threading/lock_free.hpp>
#include <cueball/threading/multi_threaded.hpp>

#include "support/catch.hpp"
#include "support/eventually.hpp"
#include "support/scripted_connection.hpp"

using namespace cueball;
using namespace std::chrono_literals;
using support::at;
using support::eventually;
using support::follow;
using support::script;
using support::scripted_connection;

TEMPLATE_TEST_CASE("an elastic pool grows with the claims, and returns to its spares", "",
                   threading::multi_threaded, threading::lock_free) {
  const auto plan = std::make_shared<script>();
  pool<scripted_connection, TestType> connections{
      static_resolver{{at(1), at(2)}}, follow(plan),
      pool_options{.max_connections = 8, .spares = 2, .rebalance_delay = 1ms}};
  connections.wait_ready(2, 10s);
  CHECK(plan->made == 2);
  {
    std::vector<lease<scripted_connection>> held;
    for (int i = 0; i < 8; ++i) held.push_back(connections.claim(10s));
    error_code error;
    (void)connections.claim(1ms, error);
    CHECK(error == errc::claim_timeout);
    CHECK(plan->made == 8);
  }
  CHECK(eventually([&] { return connections.stats().slots.total() == 2; }));
  connections.wait_ready(5, 10s);  // who waits for more gets more
}

TEST_CASE("who waits for connections gets as many as he waits for, and no more are opened for him") {
  const auto plan = std::make_shared<script>();
  pool<scripted_connection> connections{
      static_resolver{{at(1), at(2)}}, follow(plan),
      pool_options{.max_connections = 8, .spares = 3, .rebalance_delay = 1ms}};
  connections.wait_ready(3, 10s);
  CHECK(plan->made == 3);
  connections.wait_ready(4, 10s);
  CHECK(eventually([&] { return connections.stats().slots.total() == 3; }));  // nobody waits any more
  CHECK(plan->made == 4);
}

TEMPLATE_TEST_CASE("a pool is given another maximum while it runs", "", threading::multi_threaded,
                   threading::lock_free) {
  const auto plan = std::make_shared<script>();
  pool<scripted_connection, TestType> connections{static_resolver{{at(1), at(2)}}, follow(plan),
                                                  pool_options{.max_connections = 8, .rebalance_delay = 1ms}};
  connections.wait_ready(8, 10s);
  auto held = connections.claim();
  connections.set_max_connections(1);
  CHECK(eventually([&] { return connections.stats().slots.total() <= 2; }));
  held.release();
  CHECK(eventually([&] { return connections.stats().slots.total() == 1; }));
  connections.set_max_connections(6);
  CHECK(eventually([&] { return connections.stats().slots.idle == 6; }));
  for (const auto wrong : {0U, 9U}) try {
      connections.set_max_connections(wrong);
      FAIL("it throws");
    } catch (const std::system_error& thrown) {
      CHECK(thrown.code() == errc::bad_argument);
      CHECK_THAT(thrown.what(), ct::ContainsSubstring("set_max_connections: " + std::to_string(wrong)));
    }
}
