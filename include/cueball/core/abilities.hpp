// SPDX-License-Identifier: BSL-1.0
/// \file
/// What the pool's connections can do besides connecting and closing.
#pragma once

namespace cueball::core {

struct abilities {
  bool be_watched = false;   ///< `open` arms the close-watch of what it connects; effect `watch`.
  bool be_checked = false;   ///< Effect `check`.
  bool be_reset = false;     ///< Effect `reset`: after each claim.
  bool be_recalled = false;  ///< Effect `recall`: who has one is told when it has to go, and that is final.
  bool be_single = false;    ///< No backend is given more than one.
};

}  // namespace cueball::core
