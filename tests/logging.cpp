// SPDX-License-Identifier: BSL-1.0
/// \file
/// What observer::logging says, and of what it is silent.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>

#include <cueball/decoherence/periodic.hpp>
#include <cueball/manual_resolver.hpp>
#include <cueball/observer/logging.hpp>
#include <cueball/pool.hpp>
#include <cueball/static_resolver.hpp>
#include <cueball/threading/single_threaded.hpp>

#include "support/catch.hpp"
#include "support/scripted_connection.hpp"

using namespace cueball;
using namespace std::chrono_literals;
using observer::severity;

namespace {

static_assert(pool_observer<observer::logging>);
static_assert(ignores_leases<observer::logging> && !ignores_everything<observer::logging>);

/// "warning: cannot connect to 127.0.0.1:1: Connection refused"
struct lines {
  std::vector<std::string> all = {};

  observer::logging logger() {
    return observer::logging{[this](severity level, std::string_view line) {
      all.push_back(std::string{to_string(level)} + ": " + std::string{line});
    }};
  }

  std::vector<std::string> take() { return std::exchange(all, {}); }

  std::size_t count(std::string_view begin) const {
    return static_cast<std::size_t>(std::count_if(
        all.begin(), all.end(), [&](const std::string& line) { return line.starts_with(begin); }));
  }
};

using wanted = std::vector<std::string>;

const error_code refused = boost::asio::error::connection_refused;

/// A pool on one thread, with a script.
struct logged_pool {
  explicit logged_pool(const pool_options& options, observer::logging logger)
      : pool(context, servers, support::follow(plan), options, std::move(logger)) {}

  template <class Condition>
  void run_until(Condition condition) {
    while (!condition()) REQUIRE(context.run_one_for(10s) > 0);
    context.poll();  // what was told of it
  }

  boost::asio::io_context context;
  manual_resolver servers;
  std::shared_ptr<support::script> plan = std::make_shared<support::script>();
  cueball::pool<support::scripted_connection, threading::single_threaded, observer::logging,
                decoherence::periodic>
      pool;
};

}  // namespace

TEST_CASE("a day in the life of a pool reads well, and claims are not in it") {
  lines said;
  logged_pool here{{.max_connections = 2,
                    .rebalance_delay = 1ms,
                    .recovery = {.usual = {.retries = 2, .delay = 1ms, .max_delay = 1ms}}},
                   said.logger()};
  here.servers.add(support::at(1));
  here.run_until([&] { return here.pool.stats().slots.idle == 2; });
  CHECK(said.take() == wanted{"info: backend 127.0.0.1:1 was added",
                              "info: rebalanced to 2 connections, live backends: 1",
                              "info: the pool is running", "debug: connected to 127.0.0.1:1",
                              "debug: connected to 127.0.0.1:1"});

  for (int i = 0; i < 100; ++i) auto held = here.pool.try_claim();
  here.context.poll();
  CHECK(said.take().empty());

  here.plan->set(1, support::script::mode::refuse);
  for (auto leases = std::array{here.pool.try_claim(), here.pool.try_claim()}; auto& lease : leases)
    lease->break_it();
  here.run_until([&] { return here.pool.state() == pool_state::failed; });
  CHECK(said.all[0] == "info: closed a connection to 127.0.0.1:1: it was broken");
  CHECK(said.all[1] == "debug: closed a connection to 127.0.0.1:1: it was broken");
  CHECK(said.count("warning: cannot connect to 127.0.0.1:1: Connection refused") == 1);
  CHECK(said.count(
            "warning: backend 127.0.0.1:1 is dead, and the others get its share: Connection refused") == 1);
  CHECK(said.count("error: the pool failed: every known backend is dead") == 1);
  said.take();

  // It goes on failing, and nothing above debug says so.
  here.run_until([&] { return said.count("debug: cannot connect") >= 3; });
  CHECK(said.count("debug: cannot connect to 127.0.0.1:1: Connection refused") == said.all.size());
  said.take();

  here.plan->set(1, support::script::mode::accept);
  here.run_until([&] { return here.pool.stats().slots.idle == 2; });
  CHECK(said.count("info: backend 127.0.0.1:1 is back") == 1);
  CHECK(said.count("info: the pool is running") == 1);
  CHECK(said.count("info: connected") == 0);  // that it is back says so
  said.take();

  here.servers.remove(support::at(1));
  here.run_until([&] { return here.pool.stats().slots.total() == 0; });
  here.pool.request_stop();
  here.context.poll();
  CHECK(said.take() == wanted{"info: backend 127.0.0.1:1 was removed",
                              "debug: closed a connection to 127.0.0.1:1: the plan has no room for it",
                              "debug: closed a connection to 127.0.0.1:1: the plan has no room for it",
                              "info: rebalanced to 0 connections, live backends: 0",
                              "info: the pool is stopping", "info: the pool is stopped"});
}

TEST_CASE("while all is well nothing is said above debug") {
  lines said;
  boost::asio::io_context context;
  const auto plan = std::make_shared<support::script>();
  cueball::pool<support::scripted_connection, threading::single_threaded, observer::logging> pool{
      context,
      static_resolver{support::at(1), support::at(2)},
      support::follow(plan),
      {.max_connections = 4, .rebalance_delay = 1ms, .max_lifetime = 5ms},
      decoherence::periodic{1ms},
      said.logger()};
  while (pool.stats().slots.idle < 4) REQUIRE(context.run_one_for(10s) > 0);
  context.poll();
  said.take();
  while (said.count("debug: shuffled") < 3 || said.count("debug: closed a connection") < 3 ||
         said.count("debug: connected to") < 3)
    REQUIRE(context.run_one_for(10s) > 0);
  CHECK(said.count("debug: ") == said.all.size());
}

TEST_CASE("the first failure of a backend is a warning, the others are not, until it was dead or connected") {
  lines said;
  auto log = said.logger();
  const auto one = support::at(1);
  const auto other = support::at(2);
  const auto fails = [&](const backend& where) { log.on(connect_failed_event{where, refused, {}}); };
  log.on(backend_added_event{one});
  log.on(backend_added_event{other});
  said.take();

  for (int i = 0; i < 1000; ++i) fails(one);
  CHECK(said.count("warning: ") == 1);
  CHECK(said.count("debug: ") == 999);
  fails(other);
  CHECK(said.count("warning: ") == 2);
  said.take();

  log.on(connected_event{one});
  log.on(connected_event{one});
  fails(one);
  CHECK(said.take() == wanted{"info: connected again to 127.0.0.1:1", "debug: connected to 127.0.0.1:1",
                              "warning: cannot connect to 127.0.0.1:1: Connection refused"});

  log.on(backend_dead_event{one, refused, "no route"});
  fails(one);
  log.on(connected_event{one});
  log.on(backend_alive_event{one});
  fails(one);
  CHECK(said.take() == wanted{"warning: backend 127.0.0.1:1 is dead, and the others get its share: no route",
                              "debug: cannot connect to 127.0.0.1:1: Connection refused",
                              "debug: connected to 127.0.0.1:1", "info: backend 127.0.0.1:1 is back",
                              "warning: cannot connect to 127.0.0.1:1: Connection refused"});
}

TEST_CASE("connections that break together are told once") {
  lines said;
  auto log = said.logger();
  const auto one = support::at(1);
  log.on(backend_added_event{one});
  said.take();
  for (int i = 0; i < 100; ++i) log.on(closed_event{one, close_reason::broken, {}, {}});
  CHECK(said.count("info: closed a connection to 127.0.0.1:1: it was broken") == 1);
  CHECK(said.count("debug: ") == 99);
  log.on(connected_event{one});
  log.on(closed_event{one, close_reason::broken, {}, {}});
  CHECK(said.count("info: closed") == 2);
}

TEST_CASE("what comes of a backend after it was removed is no news, and is not kept") {
  lines said;
  auto log = said.logger();
  const auto one = support::at(1);
  log.on(backend_added_event{one});
  log.on(backend_removed_event{one});
  said.take();
  log.on(connect_failed_event{one, refused, {}});
  log.on(connect_failed_event{one, refused, {}});
  log.on(closed_event{one, close_reason::broken, {}, {}});
  CHECK(said.count("debug: ") == 3);
  said.take();
  log.on(backend_added_event{one});
  log.on(connect_failed_event{one, refused, {}});
  CHECK(said.count("warning: ") == 1);
}

TEST_CASE("a resolver that goes on failing is told once, until it fails otherwise or has news") {
  lines said;
  auto log = said.logger();
  for (int i = 0; i < 3; ++i) log.on(resolver_failed_event{errc::resolver_failed, "no answer"});
  log.on(resolver_failed_event{errc::resolver_failed, {}});
  CHECK(said.take() ==
        wanted{"warning: the resolver failed: no answer", "debug: the resolver failed: no answer",
               "debug: the resolver failed: no answer", "warning: the resolver failed: the resolver failed"});
  log.on(backend_changed_event{{"10.0.0.1", 1, "", 3, 2}});
  log.on(resolver_failed_event{errc::resolver_failed, {}});
  CHECK(said.take() == wanted{"info: backend 10.0.0.1:1 changed: weight 3, priority 2",
                              "warning: the resolver failed: the resolver failed"});
}

TEST_CASE("the rest is told, too") {
  lines said;
  auto log = said.logger();
  log.on(plan_failed_event{errc::bad_plan, {}});
  log.on(state_changed_event{pool_state::failed});
  for (const auto reason : {close_reason::discarded, close_reason::detached, close_reason::expired,
                            close_reason::cancelled, close_reason::stopped})
    log.on(closed_event{support::at(1), reason, {}, {}});
  log.on(closed_event{support::at(1), close_reason::broken, errc::check_timeout, {}});
  CHECK(said.take() ==
        wanted{"error: the rebalance strategy failed, and the old plan stays: " +
                   make_error_code(errc::bad_plan).message(),
               "error: the pool failed: every known backend is dead",
               "debug: closed a connection to 127.0.0.1:1: it was discarded",
               "debug: closed a connection to 127.0.0.1:1: it was detached",
               "debug: closed a connection to 127.0.0.1:1: it was past its lifetime, or idle for too long",
               "debug: closed a connection to 127.0.0.1:1: its connect was cancelled",
               "debug: closed a connection to 127.0.0.1:1: the pool was stopped",
               "debug: closed a connection to 127.0.0.1:1: it was broken: " +
                   make_error_code(errc::check_timeout).message()});
}

TEST_CASE("a backend cannot forge a line") {
  lines said;
  auto log = said.logger();
  log.on(backend_added_event{{"10.0.0.1", 1, "a\ninfo: all is well\r\x1B[0m"}});
  REQUIRE(said.all.size() == 1);
  CHECK(said.all[0] == "info: backend a info: all is well  [0m@10.0.0.1:1 was added");
}

TEST_CASE("a logger that throws does no harm, nor does one that is empty") {
  int calls = 0;
  logged_pool here{{.max_connections = 2, .rebalance_delay = 1ms},
                   observer::logging{[&](severity, std::string_view) {
                     if (++calls % 2 == 0) throw std::bad_alloc{};
                     throw std::string{"no exception"};
                   }}};
  here.servers.add(support::at(1));
  here.run_until([&] { return here.pool.stats().slots.idle == 2; });
  CHECK(here.pool.try_claim());
  CHECK(calls >= 5);

  observer::logging mute{nullptr};
  mute.on(backend_added_event{support::at(1)});
}

TEST_CASE("a logger may call the pool") {
  logged_pool* of = nullptr;
  bool asked = false;
  logged_pool here{{.max_connections = 2, .rebalance_delay = 1ms},
                   observer::logging{[&](severity, std::string_view line) {
                     if (line != "the pool is running") return;
                     asked = of->pool.stats().state == pool_state::running;
                     of->pool.request_stop();
                   }}};
  of = &here;
  here.servers.add(support::at(1));
  here.run_until([&] { return here.pool.state() == pool_state::stopped; });
  CHECK(asked);
}
