// SPDX-License-Identifier: BSL-1.0
/// \file
/// Backends that die and return.
#include <mutex>
#include <string>
#include <vector>

#include <cueball/cueball.hpp>
#include <cueball/observer/counting.hpp>

#include "support/catch.hpp"
#include "support/echo_server.hpp"
#include "support/eventually.hpp"
#include "support/scripted_connection.hpp"

namespace asio = boost::asio;
using namespace cueball;
using namespace std::chrono_literals;
using support::echo_server;
using support::eventually;

namespace {

constexpr pool_options quick{.max_connections = 4,
                             .rebalance_delay = std::chrono::milliseconds{1},
                             .watch_delay = std::chrono::milliseconds{10},
                             .recovery = {.usual = {.retries = 2,
                                                    .delay = std::chrono::milliseconds{1},
                                                    .max_delay = std::chrono::milliseconds{20}}}};

backend at(std::uint16_t port) {
  return {"127.0.0.1", port};
}

/// One where nobody listens: the connection attempts are refused.
std::uint16_t free_port() {
  asio::io_context context;
  return asio::ip::tcp::acceptor{context, {asio::ip::make_address("127.0.0.1"), 0}}.local_endpoint().port();
}

template <class Pool>
backend_stats row_of(const Pool& pool, std::uint16_t port) {
  for (const auto& row : pool.stats().backends)
    if (row.where.port == port) return row;
  return {};
}

/// Logs in, and is told that its password is wrong.
struct stranger {
  explicit stranger(const backend& where) : port(where.port) {}

  void connect(time_point) {
    if (port == 1)
      throw std::system_error(std::make_error_code(std::errc::permission_denied), "wrong password");
  }
  void close() noexcept {}
  bool is_permanent(const error_code& error) const noexcept {
    return error == boost::system::errc::permission_denied;
  }

  std::uint16_t port;
};

}  // namespace

TEST_CASE("a server that went away is dead, the others have its share, and it has it back when it returns") {
  echo_server stays;
  auto goes = std::make_unique<echo_server>();
  const auto port = goes->port();
  pool<tcp_connection, observer::counting> pool{static_resolver{at(stays.port()), at(port)}, quick};
  pool.wait_ready(4, 10s);
  CHECK(row_of(pool, port).slots.idle == 2);

  goes.reset();
  REQUIRE(eventually([&] { return row_of(pool, port).dead && stays.open() == 4; }));
  CHECK_FALSE(row_of(pool, port).live);
  CHECK(row_of(pool, port).last_error == asio::error::connection_refused);
  CHECK(pool.state() == pool_state::running);
  for (int i = 0; i < 100; ++i) CHECK(pool.claim(10s).backend().port == stays.port());

  goes = std::make_unique<echo_server>(port);
  REQUIRE(eventually([&] { return row_of(pool, port).slots.idle == 2 && stays.open() == 2; }));
  CHECK(row_of(pool, port).live);
  CHECK(pool.observer().backend_dead.value() == 1);
  CHECK(pool.observer().backend_alive.value() == 1);
}

TEST_CASE("when all servers are gone, claims fail at once and say why, until one returns") {
  auto only = std::make_unique<echo_server>();
  const auto port = only->port();
  const auto nobody = free_port();
  pool<tcp_connection> pool{static_resolver{at(port), at(nobody)}, quick};
  pool.wait_ready(1, 10s);
  only.reset();
  REQUIRE(eventually([&] { return pool.state() == pool_state::failed; }));

  std::string why;
  try {
    (void)pool.claim(1h);
  } catch (const std::system_error& failed) {
    CHECK(failed.code() == make_error_code(errc::all_dead));
    why = failed.what();
  }
  CHECK_THAT(why, ct::ContainsSubstring("the pool is failed") &&
                      ct::ContainsSubstring("127.0.0.1:" + std::to_string(port) + " is dead: ") &&
                      ct::ContainsSubstring("127.0.0.1:" + std::to_string(nobody) + " is dead: "));
  error_code error;
  CHECK_FALSE(pool.try_claim(error));
  CHECK(error == errc::all_dead);
  CHECK(pool.stats().refused == 1);

  only = std::make_unique<echo_server>(port);
  REQUIRE(eventually([&] { return pool.state() == pool_state::running; }));
  CHECK(pool.claim(10s).backend().port == port);
}

TEST_CASE("who waits when the last backend dies is told at once") {
  const auto plan = std::make_shared<support::script>();
  plan->set(1, support::script::mode::hang);
  auto options = quick;
  options.recovery.usual.timeout = options.recovery.usual.max_timeout = 50ms;
  pool<support::scripted_connection> pool{
      static_resolver{{"127.0.0.1", 1}},
      [plan](const asio::any_io_executor& executor, const backend& where) {
        return support::scripted_connection{executor, where, plan};
      },
      options};
  error_code error;
  CHECK_FALSE(pool.claim(1h, error));
  CHECK(error == errc::all_dead);
  CHECK(plan->attempts >= 2);
}

TEST_CASE("a wrong password is not tried again and again") {
  auto options = quick;
  options.recovery.usual.retries = 1000;
  options.recovery.usual.max_delay = 1h;
  pool<stranger> pool{static_resolver{{"127.0.0.1", 1}, {"127.0.0.1", 2}}, options};
  REQUIRE(eventually([&] { return row_of(pool, 2).slots.idle == 4; }));
  const auto row = row_of(pool, 1);
  CHECK(row.dead);
  CHECK(row.counters.opened <= 2);  // those that were in flight together
  CHECK_THAT(row.last_error_text, ct::ContainsSubstring("wrong password"));
}
