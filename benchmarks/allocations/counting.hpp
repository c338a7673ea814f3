// SPDX-License-Identifier: BSL-1.0
/// \file
/// Counts what the program allocates.
#pragma once

#include <cstdint>

namespace bench {

struct allocated {
  std::int64_t bytes = 0;  ///< As they were asked for, and not given back.
  std::int64_t calls = 0;  ///< Since the program began.
};

allocated allocated_now() noexcept;

}  // namespace bench
