// SPDX-License-Identifier: BSL-1.0
/// \file
/// How a bad option is refused: by its name and its value.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include <cueball/error.hpp>
#include <cueball/time.hpp>

namespace cueball::detail {

inline std::string in_words(duration length) {
  if (length == no_limit) return "no_limit";
  return std::to_string(std::chrono::duration_cast<std::chrono::nanoseconds>(length).count()) + " ns";
}

/// \param field of which aggregate: "pool_options::max_connections"
[[noreturn]] inline void refuse(const std::string& field, const std::string& value, std::string_view range) {
  throw_error(errc::bad_option, field + " is " + value + "; it must be " + std::string{range});
}

}  // namespace cueball::detail
