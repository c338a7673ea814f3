// SPDX-License-Identifier: BSL-1.0
/// \file
/// tcp_connection against real servers on loopback.
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <memory>

#include <cueball/cueball.hpp>
#include <cueball/manual_resolver.hpp>

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
using pool_type = pool<tcp_connection>;

namespace {

constexpr pool_options quick{.max_connections = 4,
                             .rebalance_delay = std::chrono::milliseconds{1},
                             .watch_delay = std::chrono::milliseconds{10},
                             .recovery = {.usual = {.delay = std::chrono::milliseconds{1}}}};

}  // namespace

TEST_CASE("requests are answered over every connection") {
  echo_server first, second;
  pool_type pool{static_resolver{at(first), at(second)}, quick};
  for (int i = 0; i < 20; ++i) {
    auto held = pool.claim(10s);
    CHECK(echo(*held, "hello") == "hello");
  }
  pool.wait_ready(4, 10s);
  REQUIRE(eventually([&] { return first.accepted() == 2 && second.accepted() == 2; }));
}

TEST_CASE("the socket is set up for small requests, and the system watches for a peer that vanished") {
  echo_server server;
  pool_type pool{static_resolver{at(server)}, quick};
  auto held = pool.claim(10s);
  asio::ip::tcp::no_delay no_delay;
  asio::socket_base::keep_alive keep_alive;
  held->socket().get_option(no_delay);
  held->socket().get_option(keep_alive);
  CHECK(no_delay.value());
  CHECK(keep_alive.value());
}

TEST_CASE("programs that are started do not inherit connections") {
  echo_server server;
  pool_type pool{static_resolver{at(server)}, quick};
  auto held = pool.claim(10s);
  CHECK((::fcntl(held->socket().native_handle(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("the peer's close is noticed while connections lie idle, also after they were used") {
  echo_server server;
  pool_type pool{static_resolver{at(server)}, quick};
  pool.wait_ready(4, 10s);
  for (int i = 0; i < 8; ++i) CHECK(echo(*pool.claim(), "warm") == "warm");
  REQUIRE(eventually([&] { return server.open() == 4; }));
  server.hang_up();
  REQUIRE(eventually([&] { return pool.stats().counters.broken == 4; }));
  REQUIRE(eventually([&] { return pool.stats().slots.idle == 4; }));
  REQUIRE(eventually([&] { return server.accepted() == 8; }));
  CHECK(echo(*pool.claim(10s), "again") == "again");
}

TEST_CASE("a close that happens while a connection is claimed is noticed soon after its release") {
  echo_server server;
  pool_type pool{static_resolver{at(server)},
                 {.max_connections = 1, .rebalance_delay = 1ms, .watch_delay = 10ms}};
  auto held = pool.claim(10s);
  CHECK(echo(*held, "hello") == "hello");
  server.hang_up();
  REQUIRE(eventually([&] { return server.open() == 0; }));
  held.release();
  REQUIRE(eventually([&] { return pool.stats().counters.broken == 1; }));
  CHECK(echo(*pool.claim(10s), "again") == "again");
}

TEST_CASE("bytes that nobody asked for make a connection unfit") {
  echo_server server;
  pool_type pool{static_resolver{at(server)}, quick};
  REQUIRE(eventually([&] { return server.open() == 4; }));
  server.babble();
  REQUIRE(eventually([&] { return pool.stats().counters.broken == 4; }));
  REQUIRE(eventually([&] { return pool.stats().slots.idle == 4; }));
}

TEST_CASE("an answer that arrives while the connection is claimed is no close") {
  echo_server server;
  pool_type pool{static_resolver{at(server)}, quick};
  pool.wait_ready(4, 10s);
  const auto until = std::chrono::steady_clock::now() + 200ms;
  while (std::chrono::steady_clock::now() < until) CHECK(echo(*pool.claim(), "x") == "x");
  CHECK(pool.stats().counters.broken == 0);
  CHECK(server.accepted() == 4);
}

TEST_CASE("a connection whose socket the user closed is replaced") {
  echo_server server;
  pool_type pool{static_resolver{at(server)}, quick};
  pool.wait_ready(4, 10s);
  auto held = pool.claim();
  held->socket().close();
  held.release();
  REQUIRE(eventually([&] { return server.accepted() == 5 && pool.stats().slots.idle == 4; }));
  CHECK(pool.stats().counters.broken == 1);
}

TEST_CASE("a server that comes back is found again") {
  auto server = std::make_unique<echo_server>();
  const auto port = server->port();
  pool_type pool{static_resolver{at(*server)}, quick};
  pool.wait_ready(4, 10s);
  server.reset();
  REQUIRE(eventually([&] { return pool.stats().slots.idle == 0; }));
  error_code error;
  CHECK_FALSE(pool.claim(5ms, error));
  CHECK(error == errc::claim_timeout);
  server = std::make_unique<echo_server>(port);
  CHECK(echo(*pool.claim(10s), "back") == "back");
  pool.wait_ready(4, 10s);
}

TEST_CASE("a server that hangs up at once is not hammered") {
  asio::io_context context;
  asio::ip::tcp::acceptor acceptor{context, {asio::ip::make_address("127.0.0.1"), 0}};
  std::atomic<int> accepted = 0;
  std::function<void()> accept = [&] {
    acceptor.async_accept([&](auto error, auto) {
      if (error) return;
      ++accepted;  // the socket is closed here
      accept();
    });
  };
  accept();
  std::jthread runner{[&] { context.run(); }};
  {
    pool_type pool{static_resolver{{"127.0.0.1", acceptor.local_endpoint().port()}},
                   {.max_connections = 4,
                    .rebalance_delay = 1ms,
                    .recovery = {.usual = {.delay = 100ms, .max_delay = 1s, .spread = 0}}}};
    const auto start = std::chrono::steady_clock::now();
    REQUIRE(eventually([&] { return pool.stats().counters.broken >= 8; }));
    // Four at the most before the first break is seen, and then 100 ms of patience.
    CHECK(std::chrono::steady_clock::now() - start >= 90ms);
    CHECK(accepted <= 12);
  }
  context.stop();
}

TEST_CASE("a Unix socket is an address too") {
  const auto path =
      std::filesystem::temp_directory_path() / ("cueball-" + std::to_string(::getpid()) + ".sock");
  std::filesystem::remove(path);
  {
    support::basic_echo_server<asio::local::stream_protocol> server{path.string()};
    pool_type pool{static_resolver{{.address = path.string()}}, quick};
    CHECK(echo(*pool.claim(10s), "unix") == "unix");
    REQUIRE(eventually([&] { return server.open() == 4; }));
    server.hang_up();
    REQUIRE(eventually([&] { return pool.stats().counters.broken == 4; }));
  }
  std::filesystem::remove(path);
}

TEST_CASE("a detached socket goes on working when the pool is gone") {
  echo_server server;
  asio::io_context context;
  std::jthread runner{[&] {
    const auto work = asio::make_work_guard(context);
    context.run();
  }};
  {
    std::optional<tcp_connection> mine;
    {
      pool_type pool{context, static_resolver{at(server)}, quick};
      mine.emplace(pool.claim(10s).detach());
    }
    CHECK(echo(*mine, "mine") == "mine");
  }
  context.stop();
}
