// SPDX-License-Identifier: BSL-1.0
/// \file
/// Which step runs where.
#include <atomic>
#include <thread>

#include <boost/asio/append.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <cueball/manual_resolver.hpp>
#include <cueball/pool.hpp>

#include "support/catch.hpp"
#include "support/eventually.hpp"

namespace asio = boost::asio;
using namespace cueball;
using namespace std::chrono_literals;
using support::eventually;

namespace {

/// Where the pool's steps ran, and whether two of them ran at once.
struct trace {
  std::atomic<int> inside = 0, overlaps = 0, made = 0, connects = 0, closes = 0;
  std::atomic<bool> foreign = false;  ///< A step ran on a thread that is none of the user's context.
  asio::thread_pool* home = nullptr;

  void enter() {
    if (++inside != 1) ++overlaps;
    if (!home->get_executor().running_in_this_thread()) foreign = true;
    std::this_thread::yield();
    --inside;
  }
};

struct traced_connection {
  traced_connection(asio::any_io_executor with, trace& in) : executor(std::move(with)), log(&in) {
    ++log->made;
    log->enter();
  }
  traced_connection(traced_connection&&) = delete;

  template <class Token>
  auto async_connect(Token&& token) {
    log->enter();
    return asio::async_initiate<Token, void(error_code)>(
        [this](auto handler) {
          // An intermediate step, run where the handler wants it to.
          const auto where = asio::get_associated_executor(handler, executor);
          asio::post(where, [this, handler = std::move(handler)]() mutable {
            log->enter();
            ++log->connects;
            std::move(handler)(error_code{});
          });
        },
        token);
  }

  void close() noexcept { ++log->closes; }

  asio::any_io_executor executor;
  trace* log;
};

}  // namespace

TEST_CASE(
    "inner steps run on the user's executor one at a time, connections are made with it, nothing runs "
    "elsewhere") {
  asio::thread_pool threads{4};
  trace log;
  log.home = &threads;
  {
    pool<traced_connection> pool{threads,
                                 static_resolver{{"127.0.0.1", 1}, {"127.0.0.1", 2}},
                                 [&](const asio::any_io_executor& executor, const backend&) {
                                   CHECK(executor == asio::any_io_executor{threads.get_executor()});
                                   return traced_connection{executor, log};
                                 },
                                 {.max_connections = 16, .rebalance_delay = 1ms}};
    pool.wait_ready(16, 10s);
    for (int i = 0; i < 8; ++i) pool.claim(10s).discard();
    REQUIRE(eventually([&] { return log.connects == 24 && pool.stats().slots.idle == 16; }));
    CHECK(pool.stop(10s) == 0);
  }
  threads.join();
  CHECK(log.overlaps == 0);
  CHECK_FALSE(log.foreign);
  CHECK(log.closes == 24);
}

TEST_CASE("I/O on claimed connections is not serialised by the pool") {
  asio::thread_pool threads{2};
  trace log;
  log.home = &threads;
  {
    pool<traced_connection> pool{threads,
                                 static_resolver{{"127.0.0.1", 1}},
                                 [&](const asio::any_io_executor& executor, const backend&) {
                                   return traced_connection{executor, log};
                                 },
                                 {.max_connections = 2, .rebalance_delay = 1ms}};
    pool.wait_ready(2, 10s);
    std::atomic<int> together = 0;
    // Each waits until the other is there: they would wait for ever on one strand.
    const auto meet = [&]() -> asio::awaitable<void> {
      auto held = co_await pool.async_claim(asio::use_awaitable);
      co_await asio::post(held->executor, asio::use_awaitable);
      ++together;
      CHECK(eventually([&] { return together == 2; }));
    };
    auto first = asio::co_spawn(threads, meet, asio::use_future);
    auto second = asio::co_spawn(threads, meet, asio::use_future);
    first.get();
    second.get();
  }
  threads.join();
}

TEST_CASE("a foreign bound executor gets the completion, and only that") {
  asio::thread_pool threads{2};
  asio::thread_pool foreign{1};
  trace log;
  log.home = &threads;
  {
    pool<traced_connection> pool{threads,
                                 static_resolver{{"127.0.0.1", 1}},
                                 [&](const asio::any_io_executor& executor, const backend&) {
                                   return traced_connection{executor, log};
                                 },
                                 {.max_connections = 1, .rebalance_delay = 1ms}};
    std::atomic<int> completed = 0;
    std::atomic<bool> elsewhere = false;
    for (int i = 0; i < 200; ++i)
      pool.async_claim(asio::bind_executor(foreign, [&](error_code error, lease<traced_connection> held) {
        if (error || !held || !foreign.get_executor().running_in_this_thread()) elsewhere = true;
        ++completed;
      }));
    REQUIRE(eventually([&] { return completed == 200; }));
    CHECK_FALSE(elsewhere);
  }
  threads.join();
  foreign.join();
  CHECK_FALSE(log.foreign);
}

namespace {

/// Set while the thread is inside a call of the pool.
thread_local bool inside_a_call = false;

struct close_watcher {
  close_watcher(const asio::any_io_executor&, std::atomic<int>& inside, std::atomic<int>& all)
      : closed_inside(&inside), closed(&all) {}
  close_watcher(close_watcher&&) = delete;

  template <class Token>
  auto async_connect(Token&& token) {
    return asio::post(asio::append(std::forward<Token>(token), error_code{}));
  }

  void close() noexcept {
    ++*closed;
    if (inside_a_call) ++*closed_inside;
  }

  bool is_open() const noexcept { return ++looks % 4 != 0; }

  std::atomic<int>* closed_inside;
  std::atomic<int>* closed;
  mutable std::atomic<int> looks = 0;
};

}  // namespace

TEST_CASE("no claim and no release runs a close") {
  asio::thread_pool threads{2};
  std::atomic<int> inside = 0, closed = 0, rounds = 0;
  {
    pool<close_watcher> pool{threads,
                             static_resolver{{"127.0.0.1", 1}},
                             [&](const asio::any_io_executor& executor, const backend&) {
                               return close_watcher{executor, inside, closed};
                             },
                             // Where each is new when it is discarded, that is no reason to give up.
                             {.max_connections = 2,
                              .rebalance_delay = 1ms,
                              .recovery = {.usual = {.retries = 1'000'000, .delay = 1ms, .max_delay = 1ms}}}};
    // On the threads of the context, where a step of the pool could run at once.
    const auto use = [&] {
      inside_a_call = true;
      {
        auto held = pool.claim(10s);
        if (++rounds % 3 == 0) held.discard();
      }
      inside_a_call = false;
    };
    for (int i = 0; i < 300; ++i) {
      asio::post(threads, use);
      REQUIRE(eventually([&] { return rounds == i + 1; }));
    }
    CHECK(pool.stop(10s) == 0);
  }
  threads.join();
  CHECK(closed > 100);
  CHECK(inside == 0);
}
