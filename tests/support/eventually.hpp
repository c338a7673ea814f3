// SPDX-License-Identifier: BSL-1.0
/// \file
/// Waits for a condition.
#pragma once

#include <chrono>
#include <thread>

namespace support {

/// True as soon as `condition()` is, false if it is not within ten seconds.
template <class Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  return true;
}

}  // namespace support
