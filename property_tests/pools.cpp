// SPDX-License-Identifier: BSL-1.0
/// \file
/// The shipped compositions keep the laws of a pool.

#include <cueball/laws/simulator/pool_law.hpp>

#include <support/catch.hpp>
#include <support/shipped.hpp>

namespace {

void keep(const std::vector<cueball::laws::pool_law>& laws) {
  for (const auto& law : laws) DYNAMIC_SECTION(law.rules << ": " << law.sentence) {
      CHECK_NOTHROW(cueball::laws::check_pool_law(law, shipped::compositions()));
    }
}

}  // namespace

TEST_CASE("life: a pool starts, is used and stops", "[life]") {
  keep(cueball::laws::life_laws());
}

TEST_CASE("order: who gets which connection, and when", "[order]") {
  keep(cueball::laws::order_laws());
}

TEST_CASE("balance: connections are spread as the plan says", "[balance]") {
  keep(cueball::laws::balance_laws());
}

TEST_CASE("churn: all rules at once, whatever happens", "[churn]") {
  keep(cueball::laws::churn_laws());
}

TEST_CASE("recovery: what comes after failures", "[recovery]") {
  keep(cueball::laws::recovery_laws());
}

TEST_CASE("lifetimes: connections grow old", "[lifetimes]") {
  keep(cueball::laws::lifetime_laws());
}

TEST_CASE("elastic: the size follows what is asked for", "[elastic]") {
  keep(cueball::laws::elastic_laws());
}

TEST_CASE("health: checks, resets, what lies idle, invalidation", "[health]") {
  keep(cueball::laws::health_laws());
}

TEST_CASE("leases: those that are out for long are told of", "[leases]") {
  keep(cueball::laws::lease_laws());
}

TEST_CASE("overload: more claims than connections", "[overload]") {
  keep(cueball::laws::overload_laws());
}

TEST_CASE("slices: work that takes many events keeps the rules", "[slices]") {
  keep(cueball::laws::slices_laws());
}
