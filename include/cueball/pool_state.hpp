// SPDX-License-Identifier: BSL-1.0
/// \file
/// Where a pool is in its life.
#pragma once

#include <string_view>

namespace cueball {

/// Every handle to a pool sees the same state.
enum class pool_state {
  starting,  ///< No connection was made yet.
  running,   ///< At least one connection was made.
  failed,    ///< Every known backend is dead.
  stopping,  ///< Stop was requested; connections are still out or closing.
  stopped,   ///< Stop was requested and every connection is gone.
};

constexpr std::string_view to_string(pool_state state) noexcept {
  switch (state) {
    case pool_state::starting:
      return "starting";
    case pool_state::running:
      return "running";
    case pool_state::failed:
      return "failed";
    case pool_state::stopping:
      return "stopping";
    case pool_state::stopped:
      return "stopped";
  }
  return "unknown";
}

}  // namespace cueball
