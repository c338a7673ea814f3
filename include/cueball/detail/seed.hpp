// SPDX-License-Identifier: BSL-1.0
/// \file
/// What randomness begins with.
#pragma once

#include <cstdint>
#include <optional>
#include <random>

namespace cueball::detail {

/// None: a fresh one from the operating system.
inline std::uint64_t seed_of(const std::optional<std::uint64_t>& given) {
  if (given) return *given;
  std::random_device device;
  return (std::uint64_t{device()} << 32U) | device();
}

}  // namespace cueball::detail
