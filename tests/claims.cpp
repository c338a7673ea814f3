// SPDX-License-Identifier: BSL-1.0
/// \file
/// Claiming and releasing from threads.
#include <algorithm>
#include <future>
#include <system_error>
#include <thread>

#include <cueball/manual_resolver.hpp>
#include <cueball/observer/counting.hpp>
#include <cueball/pool.hpp>
#include <cueball/rebalance/weighted.hpp>

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
using pool_type = pool<scripted_connection>;
using lease_type = lease<scripted_connection>;

static_assert(!std::is_copy_constructible_v<lease_type>);
static_assert(std::is_nothrow_move_constructible_v<lease_type>);
static_assert(sizeof(lease_type) == 2 * sizeof(void*));
static_assert(!std::is_copy_constructible_v<pool_type>);

TEST_CASE("a claim waits until the first backend is known and connected") {
  const auto plan = std::make_shared<script>();
  manual_resolver resolver;
  pool_type pool{resolver, follow(plan), {.max_connections = 2, .rebalance_delay = 1ms}};
  CHECK(pool.state() == pool_state::starting);
  auto claimed = std::async(std::launch::async, [&] { return pool.claim(10s).backend().port; });
  REQUIRE(eventually([&] { return pool.stats().waiters == 1; }));
  resolver.add(at(1));
  CHECK(claimed.get() == 1);
  CHECK(pool.state() == pool_state::running);
}

TEST_CASE("a claim that gets nothing fails at its deadline and says why") {
  const auto plan = std::make_shared<script>();
  plan->set(1, script::mode::refuse);
  pool_type pool{static_resolver{at(1)}, follow(plan), {.max_connections = 2, .rebalance_delay = 1ms}};
  REQUIRE(eventually([&] { return pool.stats().counters.connect_failures > 0; }));
  const auto before = std::chrono::steady_clock::now();
  try {
    (void)pool.claim(50ms);
    FAIL("a connection came from nowhere");
  } catch (const std::system_error& thrown) {
    CHECK(thrown.code() == errc::claim_timeout);
    CHECK_THAT(thrown.what(), ct::ContainsSubstring("127.0.0.1:1: Connection refused"));
    CHECK_THAT(thrown.what(), ct::ContainsSubstring("0 of 2 connections are up"));
  }
  CHECK(std::chrono::steady_clock::now() - before >= 50ms);
  CHECK(pool.stats().timed_out == 1);
  CHECK(pool.stats().waiters == 0);
}

TEST_CASE("a claim that gets nothing names the last error of each backend") {
  const auto plan = std::make_shared<script>();
  plan->set(1, script::mode::refuse);
  plan->set(2, script::mode::throws);
  plan->set(3, script::mode::dead_on_arrival);
  pool_type pool{
      static_resolver{at(1), at(2), at(3)}, follow(plan), {.max_connections = 3, .rebalance_delay = 1ms}};
  REQUIRE(eventually([&] {
    const auto stats = pool.stats();
    return std::ranges::count_if(stats.backends, [](const auto& row) { return bool(row.last_error); }) == 3;
  }));
  try {
    (void)pool.claim(1ms);
    FAIL("a connection came from nowhere");
  } catch (const std::system_error& thrown) {
    CHECK_THAT(thrown.what(), ct::ContainsSubstring("; 127.0.0.1:1: Connection refused"));
    CHECK_THAT(thrown.what(), ct::ContainsSubstring("; 127.0.0.1:2: the script says no"));
    CHECK_THAT(thrown.what(),
               ct::ContainsSubstring("; 127.0.0.1:3: " + make_error_code(errc::connection_broken).message()));
  }
}

TEST_CASE("a claim with a deadline in the past takes what is idle and does not wait") {
  const auto plan = std::make_shared<script>();
  pool_type pool{static_resolver{at(1)}, follow(plan), {.max_connections = 1, .rebalance_delay = 1ms}};
  pool.wait_ready(1, 10s);
  auto held = pool.claim(time_point{});
  CHECK(held);
  error_code error;
  CHECK_FALSE(pool.claim(time_point{}, error));
  CHECK(error == errc::claim_timeout);
  CHECK_FALSE(pool.claim(-1h, error));
  CHECK(error == errc::claim_timeout);
}

TEST_CASE("a released connection goes to the one who waits longest") {
  const auto plan = std::make_shared<script>();
  pool_type pool{static_resolver{at(1)}, follow(plan), {.max_connections = 1, .rebalance_delay = 1ms}};
  auto held = pool.claim(10s);
  std::mutex mutex;
  std::vector<int> order;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      auto mine = pool.claim(10s);
      const std::scoped_lock lock{mutex};
      order.push_back(i);
    });
    REQUIRE(eventually([&] { return pool.stats().waiters == static_cast<unsigned>(i + 1); }));
  }
  CHECK_FALSE(pool.try_claim());
  held.release();
  threads.clear();
  CHECK(order == std::vector<int>{0, 1, 2, 3});
}

TEST_CASE("try_claim never waits and says what is the matter") {
  const auto plan = std::make_shared<script>();
  pool_type pool{static_resolver{at(1)}, follow(plan), {.max_connections = 1, .rebalance_delay = 1ms}};
  pool.wait_ready(1, 10s);
  error_code why = errc::stopped;
  auto held = pool.try_claim(why);
  CHECK(held);
  CHECK_FALSE(why);
  CHECK_FALSE(pool.try_claim(why));
  CHECK(why == errc::none_idle);
  pool.request_stop();
  CHECK_FALSE(pool.try_claim(why));
  CHECK(why == errc::stopped);
}

TEST_CASE("a stop token ends the wait of a claim") {
  const auto plan = std::make_shared<script>();
  plan->set(1, script::mode::hang);
  pool_type pool{static_resolver{at(1)}, follow(plan), {.max_connections = 1, .rebalance_delay = 1ms}};
  std::stop_source source;
  auto claimed = std::async(std::launch::async, [&] {
    error_code error;
    CHECK_FALSE(pool.claim(source.get_token(), error));
    return error;
  });
  REQUIRE(eventually([&] { return pool.stats().waiters == 1; }));
  source.request_stop();
  CHECK(claimed.get() == boost::asio::error::operation_aborted);
  CHECK(pool.stats().cancelled == 1);
  error_code error;
  CHECK_FALSE(pool.claim(10s, source.get_token(), error));
  CHECK(error == boost::asio::error::operation_aborted);
}

TEST_CASE("n idle connections serve n claims without waiting, and n claims hit each backend alike") {
  const auto plan = std::make_shared<script>();
  pool_type pool{
      static_resolver{at(1), at(2), at(3)}, follow(plan), {.max_connections = 9, .rebalance_delay = 1ms}};
  pool.wait_ready(9, 10s);
  std::vector<lease_type> held;
  std::map<std::uint16_t, int> claims;
  for (int i = 0; i < 9; ++i) {
    held.push_back(pool.try_claim());
    REQUIRE(held.back());
    ++claims[held.back().backend().port];
  }
  CHECK(claims == std::map<std::uint16_t, int>{{1, 3}, {2, 3}, {3, 3}});
  const auto stats = pool.stats();
  CHECK(stats.slots.claimed == 9);
  CHECK(stats.counters.claims == 9);
  CHECK(stats.counters.opened == stats.counters.closed + stats.slots.total());
}

TEST_CASE("a connection that is released broken is replaced, and never handed out again") {
  const auto plan = std::make_shared<script>();
  pool_type pool{static_resolver{at(1)}, follow(plan), {.max_connections = 2, .rebalance_delay = 1ms}};
  pool.wait_ready(2, 10s);
  (void)pool.claim();  // released once: it proved useful
  (void)pool.claim();
  auto held = pool.claim();
  held->break_it();
  held.release();
  CHECK_FALSE(held);
  REQUIRE(eventually([&] { return plan->made == 3 && pool.stats().slots.idle == 2; }));
  CHECK(pool.stats().counters.broken == 1);
  for (int i = 0; i < 4; ++i) CHECK(pool.claim()->is_open());
}

TEST_CASE("a discarded connection is closed and replaced") {
  const auto plan = std::make_shared<script>();
  pool_type pool{static_resolver{at(1)}, follow(plan), {.max_connections = 1, .rebalance_delay = 1ms}};
  pool.claim(10s).discard();
  REQUIRE(eventually([&] { return plan->made == 2 && pool.stats().slots.idle == 1; }));
  CHECK(plan->closed == 1);
  CHECK(pool.stats().counters.broken == 0);
}

TEST_CASE("a detached connection lives on outside of the pool, which opens another one") {
  const auto plan = std::make_shared<script>();
  pool_type pool{static_resolver{at(1)}, follow(plan), {.max_connections = 1, .rebalance_delay = 1ms}};
  auto held = pool.claim(10s);
  const auto mine = held.detach();
  CHECK_FALSE(held);
  CHECK(mine.is_open());
  REQUIRE(eventually([&] { return plan->made == 2 && pool.stats().slots.idle == 1; }));
  CHECK(plan->closed == 0);
  CHECK(pool.stats().counters.closed == 1);
}

TEST_CASE("a lease moves, and releases once") {
  const auto plan = std::make_shared<script>();
  pool<scripted_connection, observer::counting> pool{
      static_resolver{at(1)}, follow(plan), {.max_connections = 1, .rebalance_delay = 1ms}};
  auto first = pool.claim(10s);
  auto second = std::move(first);
  CHECK_FALSE(first);  // NOLINT: a moved-from lease is empty
  CHECK(second);
  auto& itself = second;
  second = std::move(itself);
  CHECK(second);
  lease_type third;
  third = std::move(second);
  CHECK(third.backend().port == 1);
  third = lease_type{};
  CHECK(pool.stats().slots.idle == 1);
  CHECK(pool.observer().claimed.value() == 1);
  CHECK(pool.observer().released.value() == 1);
}

TEST_CASE("a make function that throws is a failed connect with its text") {
  std::atomic<int> calls = 0;
  const auto plan = std::make_shared<script>();
  pool_type pool{static_resolver{at(1)},
                 [&](const backend& where) -> scripted_connection {
                   if (++calls < 3) throw std::runtime_error("no credentials");
                   return {boost::asio::system_executor{}, where, plan};
                 },
                 {.max_connections = 1, .rebalance_delay = 1ms, .recovery = {.usual = {.delay = 1ms}}}};
  CHECK(pool.claim(10s));
  const auto row = pool.stats().backends.at(0);
  CHECK(row.counters.connect_failures == 2);
  CHECK(row.last_error == errc::make_failed);
  CHECK(row.last_error_text == "no credentials");
}

TEST_CASE("a connect that throws, and a connection that is dead on arrival, are failed connects") {
  const auto plan = std::make_shared<script>();
  plan->set(1, script::mode::throws);
  plan->set(2, script::mode::dead_on_arrival);
  pool_type pool{static_resolver{at(1), at(2)}, follow(plan), {.max_connections = 2, .rebalance_delay = 1ms}};
  REQUIRE(eventually([&] {
    const auto stats = pool.stats();
    return stats.backends.size() == 2 && stats.backends[0].last_error == errc::connect_failed &&
           stats.backends[1].last_error == errc::connection_broken;
  }));
  CHECK(pool.stats().backends[0].last_error_text == "the script says no");
  CHECK_FALSE(pool.try_claim());
}

TEST_CASE("a connect that hangs is abandoned in time and tried again") {
  const auto plan = std::make_shared<script>();
  plan->set(1, script::mode::hang);
  pool_type pool{
      static_resolver{at(1)},
      follow(plan),
      {.max_connections = 1, .rebalance_delay = 1ms, .recovery = {.usual = {.timeout = 20ms, .delay = 1ms}}}};
  REQUIRE(eventually([&] { return pool.stats().counters.connect_failures >= 2; }));
  CHECK(pool.stats().backends.at(0).last_error == errc::connect_timeout);
  plan->set(1, script::mode::accept);
  CHECK(pool.claim(10s));
}

TEST_CASE("a backend that refuses does not keep the others from being used") {
  const auto plan = std::make_shared<script>();
  plan->set(1, script::mode::refuse);
  pool_type pool{static_resolver{at(1), at(2)}, follow(plan), {.max_connections = 4, .rebalance_delay = 1ms}};
  for (int i = 0; i < 8; ++i) CHECK(pool.claim(10s).backend().port == 2);
}

TEST_CASE("wait_ready knows what is possible") {
  const auto plan = std::make_shared<script>();
  plan->set(1, script::mode::hang);
  pool_type pool{static_resolver{at(1)}, follow(plan), {.max_connections = 2}};
  error_code error;
  pool.wait_ready(0, 1s, error);
  CHECK(error == errc::bad_argument);
  CHECK_THROWS_WITH(pool.wait_ready(3, 1s), ct::ContainsSubstring("3 connections; it must be 1 to 2"));
  pool.wait_ready(1, 1ms, error);
  CHECK(error == errc::wait_timeout);
}

TEST_CASE("an all-zero weighted pool serves everybody") {
  const auto plan = std::make_shared<script>();
  pool<scripted_connection, rebalance::weighted> pool{
      static_resolver{{.address = "127.0.0.1", .port = 1, .weight = 0},
                      {.address = "127.0.0.1", .port = 2, .weight = 0}},
      follow(plan),
      {.max_connections = 4, .rebalance_delay = 1ms}};
  pool.wait_ready(4, 10s);
  const auto stats = pool.stats();
  CHECK(stats.backends[0].slots.idle == 2);
  CHECK(stats.backends[1].slots.idle == 2);
}
