// SPDX-License-Identifier: BSL-1.0
/// \file
/// A snapshot in one line, for the text of an error.
#pragma once

#include <string>

#include <cueball/pool_stats.hpp>

namespace cueball::detail {

/// "the pool is running, 3 of 10 connections are up, 4 claims wait; 10.0.0.1:80: Connection refused"
inline std::string summary(const pool_stats& stats) {
  const auto up = stats.slots.idle + stats.slots.claimed + stats.slots.checking;
  std::string text = "the pool is " + std::string{to_string(stats.state)} + ", " + std::to_string(up) +
                     " of " + std::to_string(stats.target) + " connections are up, " +
                     std::to_string(stats.waiters) + " claims wait";
  if (stats.backends.empty()) text += "; no backend is known";
  for (const auto& row : stats.backends)
    if (row.last_error)
      text += "; " + row.key + (row.dead ? " is dead: " : ": ") +
              (row.last_error_text.empty() ? row.last_error.message() : row.last_error_text);
  return text;
}

}  // namespace cueball::detail
