// SPDX-License-Identifier: BSL-1.0
/// \file
/// The claims of a window against even.
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <cueball/evenness.hpp>

#include "support/catch.hpp"

using namespace cueball;

namespace {

struct row {
  std::string key;
  std::uint32_t planned;
  std::uint64_t claims;
};

pool_stats snapshot(const std::vector<row>& rows, std::uint64_t claims_of_gone = 0) {
  pool_stats all;
  all.counters.claims = claims_of_gone;
  for (const auto& [key, planned, claims] : rows) {
    auto& added = all.backends.emplace_back();
    added.key = key;
    added.planned = planned;
    added.counters.claims = claims;
    all.counters.claims += claims;
  }
  return all;
}

bool close_to(double left, double right) {
  return std::abs(left - right) < 1e-9;
}

}  // namespace

TEST_CASE("even is so many claims for each planned connection") {
  const auto window =
      evenness_between(snapshot({{"a", 4, 100}, {"b", 2, 7}}), snapshot({{"a", 4, 140}, {"b", 2, 27}}));
  REQUIRE(window.backends.size() == 2);
  CHECK(window.backends[0].key == "a");
  CHECK(window.backends[0].claims == 40);
  CHECK(close_to(window.backends[0].even, 40));
  CHECK(window.backends[1].claims == 20);
  CHECK(close_to(window.backends[1].even, 20));
  CHECK(window.elsewhere == 0);
  CHECK(close_to(window.variation, 0));
  CHECK(close_to(window.busiest, 1));
}

TEST_CASE(
    "all claims on one of n equal backends have a variation of sqrt(n - 1) and n times the even share") {
  const auto window = evenness_between(snapshot({{"a", 3, 0}, {"b", 3, 0}, {"c", 3, 0}}),
                                       snapshot({{"a", 3, 0}, {"b", 3, 90}, {"c", 3, 0}}));
  CHECK(close_to(window.variation, std::sqrt(2.0)));
  CHECK(close_to(window.busiest, 3));
  CHECK(close_to(window.backends[0].even, 30));
}

TEST_CASE("the variation counts each backend by its connections") {
  // 30 and 10 claims where 20 and 20 were even; then three quarters of the connections got half of the
  // claims.
  CHECK(
      close_to(evenness_between(snapshot({{"a", 1, 0}, {"b", 1, 0}}), snapshot({{"a", 1, 30}, {"b", 1, 10}}))
                   .variation,
               0.5));
  const auto window =
      evenness_between(snapshot({{"a", 3, 0}, {"b", 1, 0}}), snapshot({{"a", 3, 20}, {"b", 1, 20}}));
  CHECK(close_to(window.busiest, 2));
  CHECK(close_to(window.variation, std::sqrt(0.75 / 9 + 0.25)));
}

TEST_CASE("a window without claims is not uneven") {
  const auto now = snapshot({{"a", 2, 50}, {"b", 2, 10}});
  const auto window = evenness_between(now, now);
  CHECK(window.variation == 0);
  CHECK(window.busiest == 0);
  CHECK(window.backends[0].claims == 0);
  CHECK(window.backends[0].even == 0);
  CHECK(evenness_between({}, {}).backends.empty());
}

TEST_CASE("a backend that appeared in the window counts by the mean of the plans") {
  const auto window = evenness_between(snapshot({{"a", 6, 100}}), snapshot({{"a", 4, 150}, {"b", 2, 10}}));
  CHECK(window.backends[1].claims == 10);
  CHECK(close_to(window.backends[0].even, 50));
  CHECK(close_to(window.backends[1].even, 10));
  CHECK(close_to(window.variation, 0));
}

TEST_CASE("what a backend that is gone was claimed has no row, and is told apart") {
  const auto window = evenness_between(snapshot({{"a", 2, 10}, {"b", 2, 10}}), snapshot({{"a", 4, 30}}, 17));
  CHECK(window.backends.size() == 1);
  CHECK(window.backends[0].claims == 20);
  CHECK(window.elsewhere == 7);
  CHECK(close_to(window.backends[0].even, 20));
  CHECK(close_to(window.variation, 0));
}

TEST_CASE("a backend that came back afresh counts from its return") {
  const auto window =
      evenness_between(snapshot({{"a", 2, 10}, {"b", 2, 10}}), snapshot({{"a", 2, 14}, {"b", 2, 3}}, 12));
  CHECK(window.backends[1].claims == 3);
  CHECK(window.elsewhere == 2);
}

TEST_CASE("a backend that came back before its last lease did is one backend") {
  const auto window = evenness_between(snapshot({{"a", 2, 10}, {"b", 2, 10}}),
                                       snapshot({{"a", 2, 14}, {"b", 0, 11}, {"b", 2, 3}}));
  REQUIRE(window.backends.size() == 2);
  CHECK(window.backends[1].claims == 4);
  CHECK(close_to(window.backends[1].even, 4));
  CHECK(window.elsewhere == 0);
}

TEST_CASE("a backend that is not to be claimed has no even share and makes nothing uneven") {
  const auto window =
      evenness_between(snapshot({{"a", 2, 0}, {"b", 0, 0}}), snapshot({{"a", 2, 20}, {"b", 0, 5}}));
  CHECK(window.backends[1].claims == 5);
  CHECK(window.backends[1].even == 0);
  CHECK(close_to(window.backends[0].even, 20));
  CHECK(close_to(window.variation, 0));
  CHECK(close_to(window.busiest, 1));
}
