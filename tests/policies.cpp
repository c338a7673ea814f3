// SPDX-License-Identifier: BSL-1.0
#include <cueball/policy_set.hpp>

#include <support/catch.hpp>

TEST_CASE("placeholder") { CHECK(true); }
