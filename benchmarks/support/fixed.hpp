// SPDX-License-Identifier: BSL-1.0
/// \file
/// Loops of a given number of cycles, whose instructions are counted.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace bench {

using fixed_loop = std::function<void(std::uint64_t cycles)>;

/// \return something, so that it can be called where a namespace begins to live.
bool add_fixed(const std::string& who, fixed_loop loop);

/// \param what `WHO:CYCLES`, or `list`.
bool run_fixed(const std::string& what);

}  // namespace bench
