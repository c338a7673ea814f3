// SPDX-License-Identifier: BSL-1.0
/// \file
/// What was simulated, as a picture: an SVG for docs/.
#pragma once

#include <string>

#include "results.hpp"

namespace coherence {

std::string draw(const results& all);

}  // namespace coherence
