// SPDX-License-Identifier: BSL-1.0
/// \file
/// A pool on one executor: everything is done there, nothing blocks, nothing is locked.
#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <cueball/decoherence/jittered.hpp>
#include <cueball/manual_resolver.hpp>
#include <cueball/pool.hpp>
#include <cueball/queue/lifo.hpp>
#include <cueball/queue/random.hpp>
#include <cueball/rebalance/weighted.hpp>
#include <cueball/threading/single_threaded.hpp>

#include "support/catch.hpp"
#include "support/scripted_connection.hpp"

namespace asio = boost::asio;
using namespace cueball;
using namespace std::chrono_literals;
using support::at;
using support::follow;
using support::script;
using support::scripted_connection;

namespace {

constexpr pool_options quick{.max_connections = 6, .rebalance_delay = std::chrono::milliseconds{1}};

using pool_type = pool<scripted_connection, threading::single_threaded>;

/// Runs `body` on the context until it is over; a failed claim is an exception here.
template <class Body>
void run(asio::io_context& context, Body body) {
  std::exception_ptr thrown;
  asio::co_spawn(context, std::move(body), [&](std::exception_ptr error) {
    thrown = error;
    context.stop();
  });
  context.run();
  if (thrown) std::rethrow_exception(thrown);
}

}  // namespace

TEST_CASE("claims on one thread wait, are served in turn, and time out") {
  const auto plan = std::make_shared<script>();
  asio::io_context context{1};
  manual_resolver resolver;
  pool_type pool{context, resolver, follow(plan), quick};
  run(context, [&]() -> asio::awaitable<void> {
    CHECK_FALSE(pool.try_claim());
    resolver.add(at(1));
    co_await pool.async_wait_ready(6, 10s, asio::use_awaitable);
    std::vector<lease<scripted_connection>> held;
    for (int i = 0; i < 6; ++i) held.push_back(co_await pool.async_claim(asio::use_awaitable));
    CHECK_FALSE(pool.try_claim());
    error_code error;
    (void)co_await pool.async_claim(5ms, asio::redirect_error(asio::use_awaitable, error));
    CHECK(error == errc::claim_timeout);
    std::vector<int> order;
    for (int i = 0; i < 3; ++i)
      pool.async_claim([&order, i](error_code, lease<scripted_connection> granted) {
        if (granted) order.push_back(i);
      });
    held.clear();
    CHECK(order.empty());
    CHECK(co_await pool.async_stop(10s, asio::use_awaitable) == 0);
    CHECK(order == std::vector<int>{0, 1, 2});
  });
  CHECK(plan->alive == 0);
}

TEST_CASE("backends that come and go move the connections of a pool on one thread") {
  const auto plan = std::make_shared<script>();
  asio::io_context context{1};
  manual_resolver resolver;
  pool<scripted_connection, queue::lifo, rebalance::weighted, decoherence::jittered,
       threading::single_threaded>
      pool{context, resolver, follow(plan), quick, decoherence::jittered{.interval = 2ms}};
  run(context, [&]() -> asio::awaitable<void> {
    resolver.add({.address = "127.0.0.1", .port = 1, .weight = 2});
    resolver.add({.address = "127.0.0.1", .port = 2, .weight = 1});
    co_await pool.async_wait_ready(6, 10s, asio::use_awaitable);
    auto stats = pool.stats();
    CHECK(stats.backends[0].slots.idle == 4);
    CHECK(stats.backends[1].slots.idle == 2);
    resolver.remove(at(1));
    asio::steady_timer timer{context};
    for (int i = 0; i < 5000 && (pool.stats().backends.size() != 1 || pool.stats().slots.idle != 6 ||
                                 pool.stats().shuffles < 3);
         ++i) {
      timer.expires_after(1ms);
      co_await timer.async_wait(asio::use_awaitable);
    }
    stats = pool.stats();
    CHECK(stats.backends.size() == 1);
    CHECK(stats.slots.idle == 6);
    CHECK(stats.shuffles >= 3);
  });
}

TEST_CASE("a strand over a thread pool will do as the one executor") {
  const auto plan = std::make_shared<script>();
  asio::thread_pool threads{2};
  const auto strand = asio::make_strand(threads);
  std::optional<pool<scripted_connection, queue::random, threading::single_threaded>> pool;
  asio::co_spawn(
      strand,
      [&]() -> asio::awaitable<void> {
        pool.emplace(strand, static_resolver{at(1), at(2)}, follow(plan), quick);
        for (int i = 0; i < 100; ++i) {
          auto held = co_await pool->async_claim(asio::use_awaitable);
          co_await asio::post(strand, asio::use_awaitable);
        }
        CHECK(pool->stats().counters.claims == 100);
        pool.reset();
      },
      asio::use_future)
      .get();
  threads.join();
  CHECK(plan->alive == 0);
}

TEST_CASE("a lease outlives a pool on one thread") {
  const auto plan = std::make_shared<script>();
  asio::io_context context{1};
  lease<scripted_connection> held;
  {
    pool_type pool{context, static_resolver{at(1)}, follow(plan), quick};
    run(context, [&]() -> asio::awaitable<void> { held = co_await pool.async_claim(asio::use_awaitable); });
  }
  CHECK(held->is_open());
  held.release();
  context.restart();
  context.run_for(50ms);
  CHECK(plan->alive == 0);
}

TEST_CASE("a pool that has stopped keeps its context busy with nothing") {
  const auto plan = std::make_shared<script>();
  asio::io_context context{1};
  pool_type pool{
      context, static_resolver{at(1)}, follow(plan), {.max_connections = 1, .rebalance_delay = 1ms}};
  bool stopped = false;
  asio::steady_timer later{context, 20ms};
  pool.async_claim([&](error_code, lease<scripted_connection> held) {
    pool.async_stop(5s, [&](error_code, std::size_t left) { stopped = left == 0; });
    later.async_wait([held = std::move(held)](error_code) mutable { (void)held.detach(); });
  });
  const auto from = std::chrono::steady_clock::now();
  context.run();
  CHECK(stopped);
  CHECK(std::chrono::steady_clock::now() - from < 3s);
}
