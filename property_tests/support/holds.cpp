// SPDX-License-Identifier: BSL-1.0
/// \file
/// Where the number of cases comes from.

#include <cstdlib>
#include <string>

#include <support/holds.hpp>

namespace cueball::property {

void read_number_of_cases() {
  [[maybe_unused]] static const bool done = [] {
    const char* const cases = std::getenv("CUEBALL_CASES");
    const char* const given = std::getenv("RC_PARAMS");
    std::string all = given ? given : "";
    if (all.find("max_success") == std::string::npos) {
      all += std::string{" max_success="} + (cases ? cases : "1000");
      setenv("RC_PARAMS", all.c_str(), 1);
    }
    return true;
  }();
}

}  // namespace cueball::property
