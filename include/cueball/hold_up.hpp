// SPDX-License-Identifier: BSL-1.0
/// \file
/// What keeps claims waiting.
#pragma once

#include <cstdint>
#include <string_view>

namespace cueball {

/// Of what is true at a moment, the first of these.
enum class hold_up : std::uint8_t {
  nothing,       ///< No claim waits.
  stopping,      ///< The pool was stopped.
  no_backend,    ///< None is known.
  connecting,    ///< Connections are missing, and connects are under way.
  rate_limited,  ///< Connections are missing, and `max_churn_rate` allows none to be opened now.
  failing,       ///< Connections are missing: their backends are dead, or were not to be connected to.
  checking,      ///< Connections are being checked, or reset.
  in_use,        ///< Every connection is in use: `max_connections`.
};

constexpr std::string_view to_string(hold_up what) noexcept {
  switch (what) {
    case hold_up::nothing:
      return "nothing";
    case hold_up::stopping:
      return "the pool is stopping";
    case hold_up::no_backend:
      return "no backend is known";
    case hold_up::connecting:
      return "connects are under way";
    case hold_up::rate_limited:
      return "the churn rate allows no connection to be opened";
    case hold_up::failing:
      return "backends cannot be connected to";
    case hold_up::checking:
      return "connections are being checked";
    case hold_up::in_use:
      return "every connection is in use";
  }
  return "unknown";
}

}  // namespace cueball
