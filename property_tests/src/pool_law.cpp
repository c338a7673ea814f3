// SPDX-License-Identifier: BSL-1.0
/// \file
/// Trying the laws of a pool.

#include <string>

#include <cueball/laws/law.hpp>
#include <cueball/laws/simulator/pool_law.hpp>
#include <cueball/laws/simulator/simulator.hpp>

namespace cueball::laws {

void check_pool_law(const pool_law& law, compositions of) {
  auto sentence = std::string{law.rules} + ": " + law.sentence;
  if (of.size() == 1) sentence += " (" + of.front().name + ")";
  take_tally();
  laws::law(sentence, [&] { law.property(of); });
  const auto tally = take_tally();
  const auto cases = number_of_cases();
  // With 50 on average a draw that gives one fewer than 10 is as good as impossible.
  if (static_cast<std::size_t>(cases) < 50 * of.size() || is_replaying()) return;
  fact("each composition has its part of the cases of: " + sentence, [&] {
    for (const auto& one : of) {
      const auto found = tally.find(&one);
      const auto its = found == tally.end() ? 0 : found->second;
      if (its < 10)
        throw rule_broken{one.name + " had " + std::to_string(its) + " of " + std::to_string(cases)};
    }
  });
}

void check_pool_laws(compositions of) {
  for (const auto* const group :
       {&life_laws(), &order_laws(), &balance_laws(), &churn_laws(), &recovery_laws(), &overload_laws(),
        &lifetime_laws(), &health_laws(), &elastic_laws(), &lease_laws(), &slices_laws()})
    for (const auto& law : *group) check_pool_law(law, of);
}

}  // namespace cueball::laws
