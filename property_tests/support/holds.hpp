// SPDX-License-Identifier: BSL-1.0
/// \file
/// One property of a test case.
#pragma once

#include <string>
#include <utility>

#include <rapidcheck.h>

#include <support/catch.hpp>

namespace cueball::property {

/// Sets the number of cases to `CUEBALL_CASES`, or to 1000, unless RC_PARAMS says it. To be called before
/// RapidCheck reads its configuration; does nothing a second time.
void read_number_of_cases();

/// Checks `testable`; a failure prints its case, shrunk, and how to reproduce it.
template <class Testable>
void holds(const std::string& description, Testable&& testable) {
  read_number_of_cases();
  REQUIRE(rc::check(description, std::forward<Testable>(testable)));
}

}  // namespace cueball::property
