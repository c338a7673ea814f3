// SPDX-License-Identifier: BSL-1.0
/// \file
/// How a bad option is refused: by its name and its value.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include <cueball/error.hpp>
#include <cueball/time.hpp>

namespace cueball::detail {

/// Exact, in the largest unit up to seconds that leaves no fraction: "1500 ms".
inline std::string in_words(duration length) {
  if (length == no_limit) return "no_limit";
  auto count = std::chrono::duration_cast<std::chrono::nanoseconds>(length).count();
  std::size_t unit = 0;
  constexpr std::array units{" ns", " us", " ms", " s"};
  for (; unit + 1 < units.size() && count % 1000 == 0; ++unit) count /= 1000;
  return std::to_string(count) + units[unit];
}

/// \param field of which aggregate: "pool_options::max_connections"
[[noreturn]] inline void refuse(const std::string& field, const std::string& value, std::string_view range) {
  throw_error(errc::bad_option, field + " is " + value + "; it must be " + std::string{range});
}

}  // namespace cueball::detail
