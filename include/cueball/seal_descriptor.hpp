// SPDX-License-Identifier: BSL-1.0
/// \file
/// seal_descriptor: for writers of connections that give up what they inherited.
#pragma once

#include <fcntl.h>
#include <unistd.h>

namespace cueball {

/// For `abandon()` of a connection: the descriptor's number leads to nowhere (/dev/null) from here on, and
/// what it led to is not touched. So nothing is sent, the peer hears of nothing, and the process that this
/// one was forked from stays the only one that has the socket; whoever uses the number by mistake reaches
/// nobody else's descriptor. A negative one is left alone. May be called in a signal handler.
inline void seal_descriptor(int descriptor) noexcept {
  if (descriptor < 0) return;
  const int nowhere = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nowhere < 0) {
    ::close(descriptor);
    return;
  }
  ::dup3(nowhere, descriptor, O_CLOEXEC);
  ::close(nowhere);
}

}  // namespace cueball
