// SPDX-License-Identifier: BSL-1.0
/// \file
/// The laws of a whole pool: properties of the simulator. Compiled once; what a case is made of decides which
/// policies they are about.
#pragma once

#include <string>
#include <vector>

#include <cueball/laws/simulator/composition.hpp>

namespace cueball::laws {

struct pool_law {
  const char* rules;     ///< Those of docs/testing.md that it is about.
  const char* sentence;  ///< What holds.
  void (*property)(compositions of);
};

const std::vector<pool_law>& balance_laws();
const std::vector<pool_law>& churn_laws();
const std::vector<pool_law>& elastic_laws();
const std::vector<pool_law>& health_laws();
const std::vector<pool_law>& lease_laws();
const std::vector<pool_law>& life_laws();
const std::vector<pool_law>& order_laws();
const std::vector<pool_law>& lifetime_laws();
const std::vector<pool_law>& overload_laws();
const std::vector<pool_law>& recovery_laws();
const std::vector<pool_law>& slices_laws();

/// Tries `law` in cases over all of `of`.
/// \throws law_broken; also if a composition had too few of the cases
void check_pool_law(const pool_law& law, compositions of);

/// Tries all of them.
void check_pool_laws(compositions of);

}  // namespace cueball::laws
