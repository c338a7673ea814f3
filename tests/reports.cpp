// SPDX-License-Identifier: BSL-1.0
/// \file
/// What a claim that failed, or took long, says of itself.
#include <array>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>

#include <cueball/claim_report.hpp>
#include <cueball/manual_resolver.hpp>
#include <cueball/pool.hpp>
#include <cueball/static_resolver.hpp>
#include <cueball/threading/single_threaded.hpp>

#include "support/catch.hpp"
#include "support/core_world.hpp"
#include "support/eventually.hpp"
#include "support/scripted_connection.hpp"

namespace asio = boost::asio;
using namespace cueball;
using namespace std::chrono_literals;
using support::at;
using support::core_world;
using support::eventually;
using support::follow;
using support::script;
using support::scripted_connection;

namespace {

duration spent(const core::waiter& who, hold_up what) {
  return who.held[static_cast<std::size_t>(what)];
}

pool_options quick() {
  return {.max_connections = 1,
          .rebalance_delay = 1ms,
          .recovery = {.usual = {.retries = 1, .delay = 1ms, .max_delay = 1h}}};
}

}  // namespace

TEST_CASE("a claim knows for how long it waited for what") {
  core_world<> all{
      {.max_connections = 1,
       .recovery = {.usual = {.retries = 5, .timeout = 1s, .delay = 2s, .max_delay = 2s, .spread = 0}}}};
  core::waiter who;
  all.core.claim(who, never_comes, all.now);
  all.pass(5s);
  all.fails = true;
  all.core.backend_added({"10.0.0.1", 1}, all.now);
  all.pass(100ms + 1s);  // the rebalance; the connect fails at once, and the next one comes after 2 s
  all.fails = false;
  all.pass(1s);
  REQUIRE(who.granted);
  CHECK(spent(who, hold_up::no_backend) == 5s + 100ms);
  CHECK(spent(who, hold_up::failing) == 2s);
  CHECK(who.ahead == 0);

  core::waiter second;
  core::waiter third;
  all.core.claim(second, never_comes, all.now);
  all.core.claim(third, after(all.now, 3s), all.now);
  all.pass(3s);
  CHECK(third.error == errc::claim_timeout);
  CHECK(third.ahead == 1);
  CHECK(third.held_by == hold_up::in_use);
  CHECK(spent(third, hold_up::in_use) == 3s);
  all.core.release(*who.granted, core::verdict::good, all.now);
  CHECK(second.granted);
  CHECK(spent(second, hold_up::in_use) == 3s);
}

TEST_CASE("what holds up a claim is named") {
  const auto plan = std::make_shared<script>();
  auto options = quick();
  claim_report report;

  SECTION("no backend") {
    pool<scripted_connection> connections{manual_resolver{}, follow(plan), options};
    CHECK(!connections.claim(5ms, report));
    CHECK(report.error == errc::claim_timeout);
    CHECK(report.held_by == hold_up::no_backend);
    CHECK(report.waited >= 5ms);
    REQUIRE(report.pool);
    CHECK(report.pool->backends.empty());
    CHECK_THAT(to_string(report), ct::ContainsSubstring("no backend is known"));
  }
  SECTION("connecting") {
    plan->set(1, script::mode::hang);
    pool<scripted_connection> connections{static_resolver{{at(1)}}, follow(plan), options};
    REQUIRE(eventually([&] { return plan->attempts == 1; }));
    CHECK(!connections.claim(5ms, report));
    CHECK(report.held_by == hold_up::connecting);
    CHECK(report.for_connects >= 5ms);
    CHECK_THAT(to_string(report), ct::ContainsSubstring("connects are under way"));
    CHECK_THAT(to_string(report), ct::ContainsSubstring(" for connects"));
    CHECK_THAT(to_string(report), ct::ContainsSubstring("0 of 1 connections are up"));
  }
  SECTION("all dead") {
    plan->set(1, script::mode::refuse);
    pool<scripted_connection> connections{static_resolver{{at(1)}}, follow(plan), options};
    REQUIRE(eventually([&] { return connections.state() == pool_state::failed; }));
    CHECK(!connections.claim(1h, report));
    CHECK(report.error == errc::all_dead);
    CHECK(report.waited == duration{});
    CHECK(report.held_by == hold_up::failing);
    CHECK_THAT(to_string(report), ct::ContainsSubstring("127.0.0.1:1 is dead: Connection refused"));
  }
  SECTION("in use") {
    pool<scripted_connection> connections{static_resolver{{at(1)}}, follow(plan), options};
    const auto held = connections.claim();
    CHECK(!connections.claim(5ms, report));
    CHECK(report.held_by == hold_up::in_use);
    CHECK(report.in_line >= 5ms);
    CHECK_THAT(to_string(report), ct::ContainsSubstring("every connection is in use"));
    CHECK_THAT(to_string(report), ct::ContainsSubstring("1 of 1 connections are up, 1 of them in use"));
  }
  SECTION("the churn rate") {
    options.max_churn_rate = 1;
    options.max_connecting.per_backend = 1;
    pool<scripted_connection> connections{static_resolver{{at(1)}}, follow(plan), options};
    connections.claim().detach();
    CHECK(!connections.claim(5ms, report));
    CHECK(report.held_by == hold_up::rate_limited);
  }
  SECTION("the end") {
    pool<scripted_connection> connections{static_resolver{{at(1)}}, follow(plan), options};
    connections.request_stop();
    CHECK(!connections.claim(1h, report));
    CHECK(report.error == errc::stopped);
    CHECK(report.held_by == hold_up::stopping);
  }
}

TEST_CASE("what a claim throws carries its report") {
  const auto plan = std::make_shared<script>();
  plan->set(1, script::mode::refuse);
  pool<scripted_connection> connections{static_resolver{{at(1)}}, follow(plan), quick()};
  REQUIRE(eventually([&] { return connections.state() == pool_state::failed; }));
  try {
    (void)connections.claim();
    FAIL("it throws");
  } catch (const claim_error& thrown) {
    CHECK(thrown.code() == errc::all_dead);
    REQUIRE(thrown.report().pool);
    CHECK(thrown.report().pool->backends.at(0).dead);
    const std::string what{thrown.what()};
    CHECK_THAT(what, ct::ContainsSubstring("127.0.0.1:1 is dead"));
    const auto message = make_error_code(errc::all_dead).message();
    CHECK(what.find(message) != std::string::npos);
    CHECK(what.find(message) == what.rfind(message));  // it is said once
  }
}

TEST_CASE("a claim that got a connection says for how long it waited") {
  const auto plan = std::make_shared<script>();
  pool<scripted_connection> connections{static_resolver{{at(1)}}, follow(plan), quick()};
  claim_report report;
  report.error = errc::stopped;
  std::optional held{connections.claim(1h, report)};
  held->release();
  CHECK(connections.claim(1h, report));  // at once
  CHECK(!report.error);
  CHECK(report.waited == duration{});

  held.emplace(connections.claim());
  std::thread other{[&] {
    eventually([&] { return connections.stats().waiters == 1; });
    std::this_thread::sleep_for(5ms);
    held.reset();
  }};
  CHECK(connections.claim(1h, report));
  other.join();
  CHECK(!report.error);
  CHECK(report.waited >= 5ms);
  CHECK(report.in_line >= 5ms);
  CHECK(!report.pool);
}

TEST_CASE("async_claim fills in a report before it completes") {
  const auto plan = std::make_shared<script>();
  asio::io_context context;
  pool<scripted_connection, threading::single_threaded> connections{context, static_resolver{{at(1)}},
                                                                    follow(plan), quick()};
  std::vector<error_code> errors;
  std::array<claim_report, 3> reports;
  lease<scripted_connection> held;
  connections.async_claim(1h, reports[0], [&](error_code error, lease<scripted_connection> claimed) {
    CHECK(reports[0].error == error);
    CHECK(!error);
    held = std::move(claimed);
  });
  REQUIRE(eventually([&] {
    context.run_for(1ms);
    return static_cast<bool>(held);
  }));
  for (auto& report : reports)
    connections.async_claim(10ms, report, [&](error_code error, const lease<scripted_connection>&) {
      CHECK(report.error == error);
      errors.push_back(error);
    });
  REQUIRE(eventually([&] {
    context.run_for(1ms);
    return errors.size() == 3;
  }));
  CHECK(errors.at(0) == errc::claim_timeout);
  CHECK(reports[2].ahead == 2);
  CHECK(reports[2].held_by == hold_up::in_use);
  CHECK(reports[2].waited >= 10ms);
  held.release();
  connections.async_claim(1h, reports[0],
                          [&](error_code error, lease<scripted_connection>) { errors.push_back(error); });
  CHECK(eventually([&] {
    context.run_for(1ms);
    return errors.size() == 4;
  }));
  CHECK(reports[0].waited == duration{});
  connections.request_stop();
  context.run();
}
