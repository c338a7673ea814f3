// SPDX-License-Identifier: BSL-1.0
/// \file
/// Examples of what the core decides, under a clock of the test's. The properties say the rest.
#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include <cueball/decoherence/adaptive.hpp>
#include <cueball/queue/least_loaded.hpp>
#include <cueball/queue/lifo.hpp>
#include <cueball/queue/random.hpp>
#include <cueball/queue/sticky.hpp>
#include <cueball/rebalance/subset.hpp>
#include <cueball/threading/lock_free.hpp>
#include <cueball/threading/single_threaded.hpp>

#include "support/catch.hpp"
#include "support/core_world.hpp"

using namespace cueball;
using namespace std::chrono_literals;
using support::core_world;

TEST_CASE("a sweep takes few connections out of circulation at a time") {
  core_world<> all{{.max_connections = 16, .max_connecting = {.per_backend = 16, .per_pool = 16}},
                   {.be_watched = true}};
  all.core.backend_added({"10.0.0.1", 1}, all.now);
  all.pass(1s);
  REQUIRE(all.core.stats().slots.idle == 16);
  // Each is used, and its watch fires meanwhile.
  std::vector<core::slot_base*> claimed;
  while (auto* const slot = all.core.try_take()) {
    claimed.push_back(slot);
    all.core.watch_fired(core::id_of(*slot), all.now);
  }
  for (auto* const slot : claimed) REQUIRE(all.core.try_put(*slot) == push_result::done);
  all.pass(1s);
  CHECK(all.most_checking >= 1);
  CHECK(all.most_checking <= 2);
  for (const auto* const slot : claimed) CHECK(slot->watched);
}

TEST_CASE("a close-watch is believed when it fires twice on a connection that nobody used in between") {
  core_world<> all{{.max_connections = 1}, {.be_watched = true}};
  all.core.backend_added({"10.0.0.1", 1}, all.now);
  all.pass(1s);
  const auto fire = [&] {
    all.core.each_slot(
        [&](const core::slot_base& slot) { all.core.watch_fired(core::id_of(slot), all.now); });
    all.pass(0s);
  };
  fire();
  CHECK(all.core.stats().counters.broken == 0);
  CHECK_FALSE(all.core.try_take());  // nobody gets it meanwhile
  all.pass(100ms);
  auto* const slot = all.core.try_take();
  REQUIRE(slot);
  REQUIRE(all.core.try_put(*slot) == push_result::done);
  fire();  // says nothing, since it was used
  fire();
  CHECK(all.core.stats().counters.broken == 0);
  fire();
  CHECK(all.core.stats().counters.broken == 1);
  CHECK(all.core.stats().slots.idle == 1);
}

TEST_CASE("a fill goes round the backends") {
  core_world<> all{{.max_connections = 9}};
  for (const std::uint16_t port : {std::uint16_t{1}, std::uint16_t{2}, std::uint16_t{3}})
    all.core.backend_added({"10.0.0.1", port}, all.now);
  all.pass(1s);
  std::vector<std::uint32_t> order;
  while (const auto* const slot = all.core.try_take()) order.push_back(slot->backend);
  CHECK(order == std::vector<std::uint32_t>{0, 1, 2, 0, 1, 2, 0, 1, 2});
}

TEMPLATE_TEST_CASE("the statistics tell the longest run of one backend in the order of claiming", "",
                   queue::fifo, queue::lifo) {
  core_world<TestType> all{{.max_connections = 9}};
  for (const std::uint16_t port : {std::uint16_t{1}, std::uint16_t{2}, std::uint16_t{3}})
    all.core.backend_added({"10.0.0.1", port}, all.now);
  CHECK(all.core.stats().longest_run == 0);
  all.pass(1s);
  CHECK(all.core.stats().longest_run == 1);
  std::vector<core::slot_base*> claimed;
  while (auto* const slot = all.core.try_take()) claimed.push_back(slot);
  CHECK(all.core.stats().longest_run == 0);
  const auto give_back = [&](std::uint32_t backend, int count) {
    for (auto*& slot : claimed)
      if (slot && slot->backend == backend && count-- > 0)
        REQUIRE(all.core.try_put(*std::exchange(slot, nullptr)) == push_result::done);
  };
  give_back(2, 1);
  give_back(0, 2);
  give_back(1, 3);
  CHECK(all.core.stats().longest_run == 3);
  give_back(0, 1);
  give_back(2, 2);
  CHECK(all.core.stats().longest_run == 3);
  while (const auto* const slot = all.core.try_take())
    if (slot->backend == 1) break;
  CHECK(all.core.stats().longest_run == 2);
}

TEST_CASE("an adaptive schedule shuffles when the order is regular, and then lets some time pass") {
  core_world<decoherence::adaptive> all{{.max_connections = 16}};
  for (const std::uint16_t port : {std::uint16_t{1}, std::uint16_t{2}})
    all.core.backend_added({"10.0.0.1", port}, all.now);
  const auto start = all.now;
  const auto shuffles_at = [&](duration since_start) {
    all.pass(start + since_start - all.now);
    return all.core.stats().shuffles;
  };
  // The connections of one backend are given back before those of the other.
  const auto make_regular = [&] {
    std::vector<core::slot_base*> claimed;
    while (auto* const slot = all.core.try_take()) claimed.push_back(slot);
    std::ranges::sort(claimed, {}, [](const core::slot_base* slot) { return slot->backend; });
    for (auto* const slot : claimed) REQUIRE(all.core.try_put(*slot) == push_result::done);
    CHECK(all.core.stats().coherence == 1.0);
  };
  CHECK(shuffles_at(60s) == 0);  // they take turns
  CHECK(all.core.stats().coherence < 0);
  make_regular();
  CHECK(shuffles_at(70s) == 0);
  CHECK(shuffles_at(70s + 1ms) == 1);
  CHECK(all.core.stats().coherence < 0.5);
  // At the next measurement it is like any other order: then it is watched again, but left alone for a while.
  CHECK(shuffles_at(81s) == 1);
  REQUIRE(all.core.stats().coherence < 0.25);
  make_regular();
  CHECK(shuffles_at(130s + 1ms) == 1);
  CHECK(shuffles_at(130s + 2ms) == 2);
  // Whenever it is measured it is regular again: so a shuffle does not help, and is tried seldom.
  make_regular();
  CHECK(shuffles_at(430s + 2ms) == 2);
  CHECK(shuffles_at(430s + 3ms) == 3);
}

TEST_CASE("a queue that has no order shows no run") {
  core_world<queue::random> all{{.max_connections = 4}};
  all.core.backend_added({"10.0.0.1", 1}, all.now);
  all.pass(1s);
  CHECK(all.core.stats().slots.idle == 4);
  CHECK(all.core.stats().longest_run == 0);
  CHECK(all.core.stats().coherence == 0);
}

TEST_CASE("a run is looked for among 128 connections at the most") {
  core_world<> all{{.max_connections = 200}};
  all.core.backend_added({"10.0.0.1", 1}, all.now);
  all.pass(1s);
  CHECK(all.core.stats().slots.idle == 200);
  CHECK(all.core.stats().longest_run == 128);
}

namespace {

struct regroups {
  using category = decoherence_policy;
  static constexpr std::string_view name = "regroups";

  decoherence_step next(time_point now, const coherence&, random_source&) const noexcept {
    return {now + 10s, decoherence_step::action::regroup};
  }
};

}  // namespace

TEST_CASE("a schedule that only regroups moves a connection and leaves the order alone") {
  core_world<regroups, rebalance::subset> few{{.max_connections = 3}};
  core_world<regroups> all{{.max_connections = 3}};
  for (std::uint16_t port = 1; port <= 9; ++port) {
    few.core.backend_added({"10.0.0.1", port}, few.now);
    all.core.backend_added({"10.0.0.1", port}, all.now);
  }
  few.pass(1h);
  all.pass(1h);
  const auto stats = few.core.stats();
  CHECK(stats.shuffles == 0);
  CHECK(stats.slots.idle == 3);
  CHECK(stats.regroups > 180);  // of 360 steps two thirds draw one that is not in use
  CHECK(stats.regroups < 300);
  CHECK(stats.rebalances == stats.regroups + 1);
  CHECK(stats.counters.opened == stats.regroups + 3);
  CHECK(all.core.stats().regroups == 0);
  CHECK(all.core.stats().rebalances == 1);
}

TEST_CASE("a pool with a place in its fleet is not regrouped, since its choice follows from its place") {
  core_world<rebalance::subset> all{{.max_connections = 2}, rebalance::subset{.place = {{0, 3}}}};
  for (std::uint16_t port = 1; port <= 6; ++port) all.core.backend_added({"10.0.0.1", port}, all.now);
  all.pass(24h);
  CHECK(all.core.stats().shuffles == 288);
  CHECK(all.core.stats().regroups == 0);
  CHECK(all.core.stats().rebalances == 1);
}

TEST_CASE("after a jump of the clock one shuffle follows, not one for each that was missed") {
  core_world all{{.max_connections = 4}};
  all.core.backend_added({"10.0.0.1", 1}, all.now);
  all.pass(1s);
  all.now += 24h;
  all.pass(1s);
  CHECK(all.core.stats().shuffles == 1);
  all.pass(299s);
  CHECK(all.core.stats().shuffles == 2);
}

TEST_CASE("a backend that was removed at one rebalance and comes back at a later one is tried at once") {
  core_world all{{.max_connections = 1, .recovery = {.usual = {.delay = 60s, .max_delay = 60s}}}};
  const backend where{"10.0.0.1", 1};
  all.fails = true;
  all.core.backend_added(where, all.now);
  all.pass(1s);
  CHECK(all.core.stats().counters.opened == 1);
  all.core.backend_removed(where.key(), all.now);
  all.pass(1s);
  all.fails = false;
  all.core.backend_added(where, all.now);
  all.pass(1s);
  CHECK(all.core.stats().slots.idle == 1);
}

TEST_CASE("an idle pool arms no timer but that of its schedule") {
  core_world<> all{{.max_connections = 4}, {.be_watched = true}};
  all.core.backend_added({"10.0.0.1", 1}, all.now);
  all.pass(1s);
  CHECK(all.core.next_wake() == time_point{1h} + 300s);
}

TEMPLATE_TEST_CASE("a sticky queue gives the same connection for a while, and then any", "",
                   threading::lock_free, threading::single_threaded) {
  constexpr std::uint32_t size = 8;
  core_world<queue::sticky, TestType> all{
      {.max_connections = size, .max_connecting = {.per_backend = size, .per_pool = size}}};
  all.core.backend_added({"10.0.0.1", 1}, all.now);
  all.pass(1s);
  // Where there is a lock the last one in a row is drawn, and else the first one of the next row.
  const std::uint32_t first = TestType::concurrent ? 0 : queue::sticky::most_in_a_row - 1;
  std::vector<int> claims(size);
  const core::slot_base* last = nullptr;
  for (std::uint32_t i = 0; i < 400 * queue::sticky::most_in_a_row; ++i) {
    auto* const slot = all.core.try_take();
    REQUIRE(slot);
    ++claims[slot->index];
    const bool changes = i % queue::sticky::most_in_a_row == first;
    if (last && !changes) REQUIRE(slot == last);
    last = slot;
    REQUIRE(all.core.try_put(*slot) == push_result::done);
  }
  // Of 400 draws each connection has 50 on average; with a fair draw fewer than 20 come once in ten million
  // cases.
  for (const auto each : claims) REQUIRE(each > 20 * static_cast<int>(queue::sticky::most_in_a_row));
}

TEST_CASE("a shuffle that takes several slices mixes all, though the pool is used meanwhile") {
  constexpr std::uint32_t size = 300;
  core_world<threading::lock_free> all{
      {.max_connections = size, .max_connecting = {.per_backend = size, .per_pool = size}}};
  all.core.backend_added({"10.0.0.1", 1}, all.now);
  all.pass(1s);
  error_code why;
  const auto use = [&] {
    if (auto* const slot = all.core.try_claim(why)) all.core.release(*slot, core::verdict::good, all.now);
  };
  all.now = all.core.next_wake();  // when it is time to shuffle
  while (all.core.stats().shuffles == 0) {
    all.core.wake(all.now);
    for (int i = 0; i < 100; ++i) use();
  }
  std::vector<std::uint32_t> order;
  while (auto* const slot = all.core.try_take()) order.push_back(slot->index);
  REQUIRE(order.size() == size);
  int neighbours = 0;  // that were so before
  for (std::size_t i = 1; i < order.size(); ++i) neighbours += order[i] == (order[i - 1] + 1) % size ? 1 : 0;
  REQUIRE(neighbours < 100);  // those that were used before it was their turn stay together
}

TEST_CASE("while a new plan is due, no mark is taken back beside what has replaced it") {
  core_world<queue::least_loaded, threading::single_threaded> all{
      {.max_connections = 10,
       .max_connecting = {.per_backend = 1, .per_pool = 1},
       .recovery = {.usual = {.retries = 1, .spread = 0}}}};
  backend stays{"10.0.0.1", 1};
  all.core.backend_added(stays, all.now);
  all.core.backend_added({"10.0.0.1", 2}, all.now);
  all.pass(5s);
  std::vector<core::slot_base*> leases;
  core::slot_base* of_second = nullptr;
  while (auto* const slot = all.core.try_take())
    (all.core.where(*slot)->port == 2 && !of_second ? of_second : leases.emplace_back()) = slot;
  REQUIRE(leases.size() == 9);

  // The second one dies, and the first has the share of both.
  all.fails_at = 2;
  all.core.release(*of_second, core::verdict::broken, all.now);
  all.pass(1s);
  REQUIRE(all.core.stats().slots.claimed + all.core.stats().slots.idle == 14);
  // It returns; while the plan for that is made, the first one changes.
  all.fails_at = 0;
  all.holds_plans = true;
  while (!all.plan_is_out) all.pass(10ms);
  stays.weight = 7;
  all.core.backend_changed(stays, all.now);
  all.pass(200ms);
  all.finish_plan();
  all.pass(1ms);
  // Now everything is given back.
  for (auto* const slot : leases)
    if (all.core.try_put(*slot) != push_result::done) all.core.release(*slot, core::verdict::good, all.now);
  CHECK(all.core.stats().slots.idle <= 11);
  all.holds_plans = false;
  if (all.plan_is_out) all.finish_plan();
  all.pass(10s);
  CHECK(all.core.stats().slots.idle == 10);
}
