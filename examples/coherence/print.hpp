// SPDX-License-Identifier: BSL-1.0
/// \file
/// What was simulated, as text.
#pragma once

#include <iosfwd>

#include "results.hpp"

namespace coherence {

void print(const results& all, std::ostream& out);

}  // namespace coherence
