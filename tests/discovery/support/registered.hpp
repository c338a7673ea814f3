// SPDX-License-Identifier: BSL-1.0
/// \file
/// What a backend registers itself as.
#pragma once

#include <string>

#include <cueball/backend.hpp>

namespace support {

/// With its weight.
inline std::string registered(const cueball::backend& where) {
  return R"({"host": ")" + where.address + R"(", "port": )" + std::to_string(where.port) + R"(, "weight": )" +
         std::to_string(where.weight) + '}';
}

}  // namespace support
