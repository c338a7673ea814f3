// SPDX-License-Identifier: BSL-1.0
/// \file
/// The laws of the shipped strategies, against brute force.

#include <algorithm>
#include <numeric>
#include <vector>

#include <cueball/rebalance/even_spread.hpp>
#include <cueball/rebalance/weighted.hpp>

#include <support/chi_squared.hpp>
#include <support/holds.hpp>
#include <support/lawful.hpp>

namespace cueball::property {

namespace {

rc::Gen<std::vector<backend_load>> some_backends(std::size_t most) {
  const auto small = [](std::uint32_t end) {
    return rc::gen::resize(rc::kNominalSize, rc::gen::inRange<std::uint32_t>(0, end));
  };
  const auto one = rc::gen::build<backend_load>(
      rc::gen::set(&backend_load::present, small(5)), rc::gen::set(&backend_load::weight, small(5)),
      rc::gen::set(&backend_load::priority, rc::gen::weightedElement<std::uint32_t>({{4, 0}, {1, 1}})));
  return rc::gen::mapcat(rc::gen::inRange<std::size_t>(0, most + 1), [=](std::size_t count) {
    return rc::gen::container<std::vector<backend_load>>(count, one);
  });
}

template <class Strategy>
void check_laws(rebalance_kind kind) {
  auto loads = *some_backends(5);
  const auto target = *rc::gen::inRange<std::uint32_t>(0, 9);
  const auto seed = *rc::gen::inRange<std::uint64_t>(0, 1000);
  random_source random{seed};
  random_source again{seed};
  const auto counts = Strategy{}.plan(loads, target, random);
  RC_ASSERT(counts.size() == loads.size());
  RC_ASSERT(Strategy{}.plan(loads, target, again) == counts);
  if (loads.empty()) return;
  RC_ASSERT(std::accumulate(counts.begin(), counts.end(), 0U) == target);
  RC_ASSERT(is_lawful(kind, loads, target, counts));
  RC_ASSERT(churn(loads, counts) == least_churn(kind, loads, target));
  // A plan that is reached is the plan.
  for (std::size_t i = 0; i < loads.size(); ++i) loads[i].present = counts[i];
  RC_ASSERT(Strategy{}.plan(loads, target, random) == counts);
}

template <class Strategy>
void check_draw() {
  std::vector<std::uint64_t> wins(5);
  for (std::uint64_t seed = 0; seed < 20000; ++seed) {
    random_source random{seed};
    const auto counts = Strategy{}.plan(std::vector<backend_load>(5), 6, random);
    ++wins[static_cast<std::size_t>(std::max_element(counts.begin(), counts.end()) - counts.begin())];
  }
  CHECK(looks_uniform(wins));
}

}  // namespace

TEST_CASE("a plan is lawful, sums to the target, and has the least churn of all lawful ones") {
  holds("even_spread", [] { check_laws<rebalance::even_spread>(rebalance_kind::even_spread); });
  holds("weighted", [] { check_laws<rebalance::weighted>(rebalance_kind::weighted); });
}

TEST_CASE("over a fleet of pools the remainder goes to each backend alike") {
  check_draw<rebalance::even_spread>();
  check_draw<rebalance::weighted>();
}

TEST_CASE("weights of any size are shared exactly") {
  holds("largest remainder of large weights", [] {
    auto loads = *some_backends(5);
    RC_PRE(!loads.empty());
    for (auto& load : loads) load.weight = *rc::gen::arbitrary<std::uint32_t>();
    const auto target = *rc::gen::inRange<std::uint32_t>(0, 1'000'000);
    random_source random{1};
    const auto counts = rebalance::weighted{}.plan(loads, target, random);
    RC_ASSERT(is_lawful(rebalance_kind::weighted, loads, target, counts));
  });
}

}  // namespace cueball::property
