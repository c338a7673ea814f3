// SPDX-License-Identifier: BSL-1.0
/// \file
/// What rebalance::subset promises of a fleet, and of what comes and goes.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include <cueball/decoherence/never.hpp>
#include <cueball/decoherence/periodic.hpp>
#include <cueball/queue/fifo.hpp>
#include <cueball/rebalance/subset.hpp>
#include <cueball/threading/single_threaded.hpp>

#include <cueball/laws/chi_squared.hpp>
#include <cueball/laws/law.hpp>
#include <cueball/laws/least_churn.hpp>
#include <cueball/laws/simulator/simulator.hpp>
#include <cueball/laws/simulator/world_of.hpp>

#include <support/catch.hpp>

namespace cueball::laws {

namespace {

using rebalance::subset;

plan planned(const subset& strategy, const std::vector<backend_load>& live, std::uint32_t target) {
  random_source random{1};
  return strategy.plan(live, target, random);
}

subset at(std::uint32_t index, std::uint32_t size) {
  return {.place = rebalance::fleet_place{.index = index, .size = size}};
}

/// So many backends, of keys as they are in life, in an order that is drawn.
std::vector<backend_load> named_backends(std::uint32_t count, random_source& random) {
  std::vector<backend_load> live(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    live[i].identity = identity_of("10.0.0." + std::to_string(i) + ":80");
    live[i].preference = random();
    std::swap(live[i], live[random.below(i + 1)]);
  }
  return live;
}

/// How many connections each has, by identity.
void add_up(std::vector<backend_load>& sum, const std::vector<backend_load>& live, const plan& counts) {
  for (std::size_t i = 0; i < live.size(); ++i)
    std::ranges::find(sum, live[i].identity, &backend_load::identity)->present += counts[i];
}

/// Connections that are opened when one of `live` goes, beyond those that replace its own.
std::uint32_t moved_by_removal(const subset& strategy, std::vector<backend_load> live, std::uint32_t target,
                               std::size_t which) {
  const auto before = planned(strategy, live, target);
  for (std::size_t i = 0; i < live.size(); ++i) live[i].present = before[i];
  live.erase(live.begin() + static_cast<std::ptrdiff_t>(which));
  return churn(live, planned(strategy, live, target)) - before[which];
}

/// The same when it comes, beyond its own.
std::uint32_t moved_by_addition(const subset& strategy, std::vector<backend_load> live, std::uint32_t target,
                                std::size_t which) {
  auto others = live;
  others.erase(others.begin() + static_cast<std::ptrdiff_t>(which));
  const auto before = planned(strategy, others, target);
  for (std::size_t i = 0, j = 0; i < live.size(); ++i) live[i].present = i == which ? 0 : before[j++];
  const auto after = planned(strategy, live, target);
  return churn(live, after) - after[which];
}

struct case_of_churn {
  std::vector<backend_load> live;
  std::uint32_t target;
  std::size_t which;

  case_of_churn() {
    random_source random{*rc::gen::arbitrary<std::uint64_t>()};
    live = named_backends(*rc::gen::inRange(2U, 30U), random);
    target = *rc::gen::inRange(0U, 80U);
    which = *rc::gen::inRange<std::size_t>(0, live.size());
  }
};

/// How often each backend has a connection, over many pools that do `then`.
template <class Play>
std::vector<std::uint64_t> uses(const composition& of, std::uint32_t known, Play then) {
  std::vector<std::uint64_t> counts(simulator::backends);
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    simulator sim{{.policies = &of, .seed = seed, .max_connections = 2, .warm = known}};
    then(sim);
    for (const auto& row : sim.pool().stats().backends)
      counts[static_cast<std::size_t>(row.where.address.back() - '0')] += row.slots.idle;
  }
  return counts;
}

}  // namespace

TEST_CASE("with a place in the fleet each backend has floor or ceil of its part, whatever the numbers",
          "[subset]") {
  const auto check = [](std::uint32_t pools, std::uint32_t backends, std::uint32_t target) {
    random_source random{pools};
    auto sum = named_backends(backends, random);
    for (std::uint32_t i = 0; i < pools; ++i) {
      const auto live = named_backends(backends, random);  // each pool has heard of them in another order
      const auto counts = planned(at(i, pools), live, target);
      const auto [least, most] = std::ranges::minmax(counts);
      demand(most - least <= 1, "a pool is even itself");
      add_up(sum, live, counts);
    }
    const auto part = std::uint64_t{pools} * target / backends;
    for (const auto& each : sum)
      if (each.present != part && (each.present != part + 1 || std::uint64_t{pools} * target % backends == 0))
        throw rule_broken{std::to_string(pools) + " pools with " + std::to_string(target) +
                          " connections over " + std::to_string(backends) + " backends: one has " +
                          std::to_string(each.present)};
  };
  CHECK_NOTHROW(fact("in every small fleet each backend has floor or ceil of its part", [&] {
    for (std::uint32_t pools = 1; pools <= 12; ++pools)
      for (std::uint32_t backends = 1; backends <= 12; ++backends)
        for (std::uint32_t target = 0; target <= 26; ++target) check(pools, backends, target);
  }));
  CHECK_NOTHROW(law("in any fleet each backend has floor or ceil of its part", [&] {
    check(*rc::gen::inRange(1U, 200U), *rc::gen::inRange(1U, 100U), *rc::gen::inRange(0U, 50U));
  }));
  CHECK_NOTHROW(
      fact("in a large fleet each backend has floor or ceil of its part", [&] { check(1000, 1000, 10); }));
}

TEST_CASE("with a place what comes or goes moves one connection more, or none", "[subset]") {
  CHECK_NOTHROW(law("with a place in the fleet what comes or goes moves one connection more, or none", [] {
    const case_of_churn one;
    const auto size = *rc::gen::inRange(1U, 40U);
    const auto strategy = at(*rc::gen::inRange(0U, size), size);
    demand(moved_by_removal(strategy, one.live, one.target, one.which) <= 1, "R2: one that goes");
    demand(moved_by_addition(strategy, one.live, one.target, one.which) <= 1, "R2: one that comes");
  }));
}

TEST_CASE("without a place what goes moves its own connections, and what comes moves what it gets",
          "[subset]") {
  CHECK_NOTHROW(law("what goes moves its own connections, and what comes what it gets", [] {
    const case_of_churn one;
    demand_equal(moved_by_removal({}, one.live, one.target, one.which), 0, "R2: one that goes");
    demand_equal(moved_by_addition({}, one.live, one.target, one.which), 0, "R2: one that comes");
  }));
}

TEST_CASE("over many pools each backend is used alike, also who came later, and after decoherence",
          "[subset]") {
  using namespace std::chrono_literals;
  const auto still = composition_of<queue::fifo, subset, decoherence::never, threading::single_threaded>();
  const auto moving =
      composition_of<queue::fifo, subset, decoherence::periodic, threading::single_threaded>();
  const auto is_even = [](const std::vector<std::uint64_t>& counts) {
    CHECK(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}) == 4000);
    return looks_uniform(counts);
  };
  CHECK(is_even(uses(still, 6, [](simulator&) {})));
  CHECK(is_even(uses(still, 5, [](simulator& sim) {
    sim.add(5);
    sim.live(1s);
  })));
  // One after the other is taken out and replaced, as in an upgrade.
  CHECK(is_even(uses(still, 6, [](simulator& sim) {
    for (std::size_t i = 0; i < simulator::backends; ++i) {
      sim.remove(i);
      sim.live(1s);
      sim.add(i);
      sim.live(1s);
    }
  })));
  CHECK(is_even(uses(moving, 5, [](simulator& sim) {
    sim.live(60s);  // a step a second
    sim.add(5);
    sim.live(300ms);
  })));
  CHECK(is_even(uses(moving, 6, [](simulator& sim) { sim.live(30s); })));
}

TEST_CASE("decoherence leads a pool to every backend", "[subset]") {
  using namespace std::chrono_literals;
  const auto moving =
      composition_of<queue::fifo, subset, decoherence::periodic, threading::single_threaded>();
  simulator sim{{.policies = &moving, .seed = 3, .max_connections = 1, .warm = 6}};
  std::vector<std::uint32_t> seen(simulator::backends);
  for (int i = 0; i < 60; ++i) {
    sim.live(1s);
    for (const auto& row : sim.pool().stats().backends)
      seen[static_cast<std::size_t>(row.where.address.back() - '0')] += row.slots.idle;
  }
  CHECK(std::ranges::min(seen) > 0);
  // Each step puts another one in its place, unless it draws the same again: once in six times.
  CHECK(sim.pool().stats().regroups > 40);
}

TEST_CASE("who dies has its place back when it returns", "[subset]") {
  using namespace std::chrono_literals;
  const auto still = composition_of<queue::fifo, subset, decoherence::never, threading::single_threaded>();
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    simulator sim{{.policies = &still, .seed = seed, .max_connections = 3, .warm = 6}};
    const auto used = [&] {
      std::vector<std::uint32_t> counts;
      for (const auto& row : sim.pool().stats().backends) counts.push_back(row.slots.idle);
      return counts;
    };
    const auto before = used();
    const auto victim = static_cast<std::size_t>(std::ranges::find(before, 1U) - before.begin());
    sim.behave(victim, manner::refuses);
    REQUIRE(sim.try_take());
    while (sim.backend_of(sim.leases() - 1) != victim) REQUIRE(sim.try_take());
    sim.release(sim.leases() - 1, ending::broken);
    while (sim.leases() > 0) sim.release(0, ending::good);
    sim.live(10s);
    CHECK(used()[victim] == 0);
    CHECK(std::ranges::count(used(), 1U) == 3);
    sim.behave(victim, manner::accepts);
    sim.live(10s);
    CHECK(used() == before);
  }
}

}  // namespace cueball::laws
