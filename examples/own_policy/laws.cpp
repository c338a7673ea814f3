// SPDX-License-Identifier: BSL-1.0
/// \file
/// What the compiler cannot see of a policy, the laws do.
#include <iostream>

#include <cueball/cueball.hpp>
#include <cueball/laws/check.hpp>

#include "first_come.hpp"
#include "warm_standby.hpp"

int main() {
  cueball::laws::check<warm_standby>();
  cueball::laws::check(warm_standby{.warm = 3});
  cueball::laws::check<cueball::pool<cueball::tcp_connection, warm_standby>>();
  std::cout << "warm_standby is lawful, and so is a pool with it.\n\n";

  try {
    cueball::laws::check<first_come>();
  } catch (const cueball::laws::law_broken& broken) {
    std::cout << broken.what();
    return 0;
  }
  return 1;
}
