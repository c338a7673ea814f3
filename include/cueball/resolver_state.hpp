// SPDX-License-Identifier: BSL-1.0
/// \file
/// Where the resolver of a pool is.
#pragma once

#include <string_view>

namespace cueball {

/// Of its present run. What it knows is used in every state.
enum class resolver_state {
  starting,   ///< It has yet to name all backends.
  following,  ///< It has named all, and reports what changes.
  down,       ///< It gave up, threw, or was cancelled. Unless the pool stops, it is run again after a delay.
};

constexpr std::string_view to_string(resolver_state state) noexcept {
  switch (state) {
    case resolver_state::starting:
      return "starting";
    case resolver_state::following:
      return "following";
    case resolver_state::down:
      return "down";
  }
  return "unknown";
}

}  // namespace cueball
