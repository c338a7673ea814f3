// SPDX-License-Identifier: BSL-1.0
/// \file
/// The laws of a rebalance strategy.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include <cueball/laws/chi_squared.hpp>
#include <cueball/laws/law.hpp>
#include <cueball/laws/least_churn.hpp>
#include <cueball/rebalance_policy.hpp>

namespace cueball::laws {

namespace detail {

inline std::string shown(const plan& counts) {
  std::string text = "{";
  for (const auto count : counts) text += (text.size() > 1 ? ", " : "") + std::to_string(count);
  return text + "}";
}

inline std::string shown(const std::vector<backend_load>& live, std::uint32_t target) {
  std::string text =
      "for " + std::to_string(target) + " connections over backends with (present, weight, priority)";
  for (const auto& one : live)
    text += " (" + std::to_string(one.present) + ", " + std::to_string(one.weight) + ", " +
            std::to_string(one.priority) + ")";
  return text;
}

/// One plan in one world.
template <class Strategy>
void check_plan(const Strategy& strategy, const judge& lawful, std::vector<backend_load> live,
                std::uint32_t target, std::uint64_t seed) {
  random_source random{seed};
  random_source again{seed};
  const auto counts = strategy.plan(live, target, random);
  const auto require = [&](bool holds, const std::string& what) {
    if (!holds) throw rule_broken{what + ": " + shown(counts) + " " + shown(live, target)};
  };
  require(counts.size() == live.size(), "a plan has one count for each backend");
  require(strategy.plan(live, target, again) == counts, "the same seed gives the same plan");
  if (live.empty()) return;
  require(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}) == target,
          "R1: the counts add up to the target");
  if (lawful) {
    require(lawful(live, target, counts), "R1: the plan is one that the strategy calls lawful");
    const auto least = least_churn(lawful, live, target);
    require(churn(live, counts) == least,
            "R2: a lawful plan exists that opens " + std::to_string(least.value_or(0)) +
                " connections, and this one opens " + std::to_string(churn(live, counts)));
  }
  auto reached = live;
  for (std::size_t i = 0; i < live.size(); ++i) reached[i].present = counts[i];
  random_source other{seed + 1};
  const auto next = strategy.plan(reached, target, other);
  require(next == counts, "R2: a plan that is reached is the plan (next comes " + shown(next) + ")");
}

/// As a pool would: what is drawn for each backend, and what its key is.
inline void draw_places(std::vector<backend_load>& live, random_source& random) {
  for (auto& one : live) {
    one.preference = random();
    one.identity = random();
  }
}

/// All ways in which `left` connections, or fewer, may lie on the backends from `at` on.
template <class Visitor>
void each_world(std::vector<backend_load>& live, std::size_t at, std::uint32_t left, Visitor& see) {
  if (at == live.size()) return see();
  for (live[at].present = 0; live[at].present <= left; ++live[at].present)
    each_world(live, at + 1, left - live[at].present, see);
}

}  // namespace detail

/// The laws of the rebalance axis; R2 for a strategy that says what is lawful (`judging_strategy`).
/// \throws law_broken
template <rebalance_strategy Strategy>
void check_rebalance(const Strategy& strategy = {}) {
  const auto of = " (" + std::string{Strategy::name} + ")";
  const auto lawful = judge_of(strategy);
  constexpr std::uint32_t connections = 8;

  fact(
      "in every world of at most 5 backends and 8 connections a plan sums to the target, is lawful, has the "
      "least "
      "churn, and stays when it is reached" +
          of,
      [&] {
        random_source random{1};
        random_source places{2};
        for (std::size_t backends = 0; backends <= 5; ++backends) {
          std::vector<backend_load> live(backends);
          for (std::uint32_t target = 0; target <= connections; ++target) {
            auto see = [&] {
              for (auto& one : live) one.weight = 1 + random.below(3) / 2 * random.below(4);
              detail::draw_places(live, places);
              detail::check_plan(strategy, lawful, live, target, random());
            };
            detail::each_world(live, 0, connections, see);
          }
        }
      });

  law("whatever the weights, priorities and connections, a plan sums to the target, is lawful, has the least "
      "churn, "
      "and stays when it is reached" +
          of,
      [&] {
        const auto small = [](std::uint32_t end) {
          return rc::gen::resize(rc::kNominalSize, rc::gen::inRange<std::uint32_t>(0, end));
        };
        const auto backends = *rc::gen::inRange<std::size_t>(0, 6);
        std::vector<backend_load> live(backends);
        for (auto& one : live) {
          one.present = *small(connections + 1);
          one.weight = *small(5);
          one.priority = *rc::gen::weightedElement<std::uint32_t>({{4, 0}, {1, 1}});
          one.preference = *small(10);
          one.identity = *small(10);
        }
        detail::check_plan(strategy, lawful, live, *small(connections + 1),
                           *rc::gen::inRange<std::uint64_t>(0, 1000));
      });

  law("large worlds are shared out as exactly" + of, [&] {
    const auto backends = *rc::gen::inRange<std::size_t>(1, 50);
    std::vector<backend_load> live(backends);
    for (auto& one : live) {
      one.weight = *rc::gen::arbitrary<std::uint32_t>();
      one.present = *rc::gen::inRange<std::uint32_t>(0, 1000);
    }
    const auto target = *rc::gen::inRange<std::uint32_t>(0, 1'000'000);
    random_source random{*rc::gen::inRange<std::uint64_t>(0, 1000)};
    detail::draw_places(live, random);
    const auto counts = strategy.plan(live, target, random);
    demand_equal(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}), target,
                 "R1: the counts add up to the target");
    if (lawful) demand(lawful(live, target, counts), "R1: the plan is one that the strategy calls lawful");
  });

  fact("over a fleet of pools what cannot be shared goes to each backend alike" + of, [&] {
    constexpr std::size_t backends = 5;
    std::vector<std::uint64_t> wins(backends);
    for (std::uint64_t seed = 0; seed < 20'000; ++seed) {
      random_source random{seed};
      std::vector<backend_load> live(backends);
      detail::draw_places(live, random);
      const auto counts = strategy.plan(live, backends + 1, random);
      const auto most = *std::max_element(counts.begin(), counts.end());
      if (std::count(counts.begin(), counts.end(), most) != 1) continue;
      ++wins[static_cast<std::size_t>(std::find(counts.begin(), counts.end(), most) - counts.begin())];
    }
    demand(looks_uniform(wins), "no backend is preferred to one that is like it (chi-squared)");
  });

  fact("of those that have a connection too many each keeps it alike, over a fleet of pools" + of, [&] {
    std::vector<std::uint64_t> wins(2);
    for (std::uint64_t seed = 0; seed < 20'000; ++seed) {
      random_source random{seed};
      std::vector<backend_load> live{{.present = 3}, {.present = 3}, {.present = 0}};
      detail::draw_places(live, random);
      const auto counts = strategy.plan(live, 7, random);
      if (counts[0] != counts[1]) ++wins[counts[0] > counts[1] ? 0 : 1];
    }
    demand(wins[0] + wins[1] == 0 || looks_uniform(wins),
           "no backend is preferred to one that is like it (chi-squared)");
  });
}

}  // namespace cueball::laws
