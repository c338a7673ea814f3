// SPDX-License-Identifier: BSL-1.0
/// \file
/// c-ares counts its users, without a lock.
#pragma once

#include <ares.h>

#include <mutex>

namespace cueball::dns {

/// While one is there, c-ares may be used. Any thread.
class library {
 public:
  library() {
    const std::scoped_lock lock{mutex};
    ::ares_library_init(ARES_LIB_INIT_ALL);
  }
  ~library() {
    const std::scoped_lock lock{mutex};
    ::ares_library_cleanup();
  }
  library(const library&) = delete;
  library& operator=(const library&) = delete;

 private:
  static inline std::mutex mutex;
};

}  // namespace cueball::dns
