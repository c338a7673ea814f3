// SPDX-License-Identifier: BSL-1.0
/// \file
/// Children of the process: none of them uses a connection of its parent.
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/write.hpp>

#include <cueball/connection_set.hpp>
#include <cueball/cueball.hpp>
#include <cueball/threading/lock_free.hpp>
#include <cueball/threading/single_threaded.hpp>

#include "support/catch.hpp"
#include "support/echo_server.hpp"
#include "support/eventually.hpp"

namespace asio = boost::asio;
using namespace cueball;
using namespace std::chrono_literals;
using support::at;
using support::echo;
using support::echo_server;
using support::eventually;

namespace {

constexpr pool_options kept_apart{.max_connections = 4,
                                  .rebalance_delay = std::chrono::milliseconds{1},
                                  .recovery = {.usual = {.delay = std::chrono::milliseconds{1}}},
                                  .on_fork = fork_policy::abandon};

/// What `what()` returned in a child, which has no other thread; 100 and more if it was killed by a signal.
template <class Step>
int in_child(Step what) {
  const auto child = ::fork();
  if (child == 0) {
    ::alarm(20);
    ::_exit(what());
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

/// A pool of the child's own, which needs no thread.
bool serves(const echo_server& server) {
  asio::io_context context;
  pool<tcp_connection, threading::single_threaded> own{
      context, static_resolver{at(server)}, {.max_connections = 1, .rebalance_delay = 1ms}};
  bool is_right = false;
  own.async_claim(10s, [&](error_code error, lease<tcp_connection> held) {
    is_right = !error && echo(*held, "mine") == "mine";
    held.release();
    own.request_stop();
  });
  context.run();
  return is_right;
}

/// 0, or which of its demands the inherited pool does not meet.
template <class Pool>
int use_inherited(std::unique_ptr<Pool>& inherited, lease<tcp_connection>& held, const echo_server& server) {
  error_code why;
  if (inherited->try_claim(why) || why != errc::forked) return 1;
  if (inherited->state() != pool_state::stopped) return 2;
  if constexpr (Pool::threading::concurrent) {
    if (inherited->claim(10s, why) || why != errc::forked) return 3;
    claim_report report;
    if (inherited->claim(10s, report) || report.error != errc::forked) return 4;
    inherited->wait_ready(1, 10s, why);
    if (why != errc::forked) return 5;
    if (inherited->stop(10s, why) != 0 || why) return 6;
  }
  asio::write(held->socket(), asio::buffer("this must not arrive", 20), why);
  if (!why) return 7;
  inherited->invalidate();
  inherited->request_stop();
  held.release();
  inherited.reset();
  return serves(server) ? 0 : 8;
}

template <class Pool>
void check_parent(Pool& pool, lease<tcp_connection>& held, echo_server& server) {
  CHECK(echo(*held, "held") == "held");
  held.release();
  std::vector<lease<tcp_connection>> all;
  for (int i = 0; i < 4; ++i) {
    all.push_back(pool.try_claim());
    REQUIRE(all.back());
    CHECK(echo(*all.back(), "hello") == "hello");
  }
  CHECK(server.accepted() == 5);  // one is the child's own
  CHECK(eventually([&] { return server.open() == 4; }));
  CHECK(pool.stats().counters.closed == 0);
}

}  // namespace

TEMPLATE_TEST_CASE("a child uses no connection of its parent", "", threading::multi_threaded,
                   threading::lock_free) {
  echo_server server;
  auto mine = std::make_unique<pool<tcp_connection, TestType>>(static_resolver{at(server)}, kept_apart);
  mine->wait_ready(4, 10s);
  auto held = mine->claim(10s);
  CHECK(in_child([&] { return use_inherited(mine, held, server); }) == 0);
  check_parent(*mine, held, server);
}

TEST_CASE("a child of a program with one thread uses no connection of its parent") {
  echo_server server;
  asio::io_context context;
  auto mine = std::make_unique<pool<tcp_connection, threading::single_threaded>>(
      context, static_resolver{at(server)}, kept_apart);
  lease<tcp_connection> held;
  mine->async_wait_ready(4, 10s, [&](error_code) { held = mine->try_claim(); });
  while (!held) context.run_one();
  CHECK(in_child([&] { return use_inherited(mine, held, server); }) == 0);
  check_parent(*mine, held, server);
}

TEST_CASE("what the parent closes is closed while its child lives") {
  echo_server server;
  pool<tcp_connection> mine{static_resolver{at(server)}, kept_apart};
  mine.wait_ready(4, 10s);
  auto held = mine.claim(10s);
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const auto child = ::fork();
  if (child == 0) {  // until the parent goes, or says so
    ::close(ends[1]);
    char byte = 0;
    ::_exit(::read(ends[0], &byte, 1) == 0 ? 0 : 1);
  }
  ::close(ends[0]);
  CHECK(eventually([&] { return server.open() == 4; }));
  held.release();
  mine.stop(10s);
  CHECK(eventually([&] { return server.open() == 0; }));
  ::close(ends[1]);
  int status = 1;
  CHECK(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

TEMPLATE_TEST_CASE("a process may fork at any moment", "", threading::multi_threaded, threading::lock_free) {
  echo_server server;
  pool<tcp_connection, TestType> mine{static_resolver{at(server)}, kept_apart};
  mine.wait_ready(4, 10s);
  std::atomic<bool> ends = false;
  std::atomic<int> bad = 0;
  std::vector<std::thread> users;
  for (int i = 0; i < 3; ++i)
    users.emplace_back([&, is_rough = i == 0] {
      while (!ends) {
        auto held = mine.claim(10s);
        if (echo(*held, "hello") != "hello") ++bad;
        if (is_rough) held.detach();
      }
    });
  int failed = 0;
  for (int i = 0; i < 100; ++i)
    failed += in_child([&] {
                error_code why;
                return !mine.claim(10s, why) && why == errc::forked ? 0 : 1;
              }) == 0
                  ? 0
                  : 1;
  ends = true;
  for (auto& each : users) each.join();
  CHECK(failed == 0);
  CHECK(bad == 0);
}

namespace {

/// Says goodbye to its peer, and cannot be abandoned.
struct polite {
  explicit polite(const backend&) {}
  polite(polite&& other) noexcept : is_last(std::exchange(other.is_last, false)) {}
  ~polite() { goodbyes += is_last ? 1 : 0; }
  void connect(time_point) {}
  void close() noexcept { ++goodbyes; }

  static inline std::atomic<int> goodbyes = 0;
  bool is_last = true;
};

}  // namespace

TEST_CASE("nothing is said in a child on what cannot be abandoned") {
  auto mine = std::make_unique<pool<polite>>(static_resolver{{"10.0.0.1", 1}}, kept_apart);
  mine->wait_ready(4, 10s);
  std::optional held{mine->claim(10s)};
  std::optional other{mine->claim(10s)};
  CHECK(in_child([&] {
          held.reset();
          mine.reset();
          other.reset();
          return polite::goodbyes.load();
        }) == 0);
  CHECK(mine->state() == pool_state::running);
}

TEST_CASE("a lease that outlives its pool is not closed in a child") {
  auto mine = std::make_unique<pool<polite>>(static_resolver{{"10.0.0.1", 1}}, kept_apart);
  mine->wait_ready(4, 10s);
  std::optional held{mine->claim(10s)};
  mine.reset();
  const int before = polite::goodbyes;
  CHECK(in_child([&] {
          held.reset();
          return polite::goodbyes - before;
        }) == 0);
  held.reset();
  CHECK(polite::goodbyes >= before + 2);  // closed and destroyed
}

TEST_CASE("a child has no members of its parent's set") {
  echo_server server;
  auto mine = std::make_unique<connection_set<tcp_connection>>(
      static_resolver{at(server)},
      connection_set_options{.rebalance_delay = 1ms, .on_fork = fork_policy::abandon});
  auto known = mine->next(10s);
  REQUIRE(known.is_added());
  CHECK(in_child([&] {
          error_code why;
          if (mine->try_next() || !mine->members().empty()) return 1;
          mine->next(10s, why);
          if (why != errc::forked) return 2;
          known.member.broken();
          if (mine->stop(10s, why) != 0 || why) return 3;
          known.member.release();
          mine.reset();
          return 0;
        }) == 0);
  CHECK(echo(*known.member, "hello") == "hello");
  CHECK(server.accepted() == 1);
  CHECK_FALSE(mine->try_next());
}
