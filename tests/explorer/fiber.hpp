// SPDX-License-Identifier: BSL-1.0
/// \file
/// A stack that can be left and returned to: what the explorer has for a thread.
#pragma once

#include <functional>
#include <memory>

#include <ucontext.h>
#include <csetjmp>

namespace explorer {

/// All fibers live on one thread of the operating system. Each has its own of what a thread has for itself
/// and the pool depends on: the exceptions that are being handled, and the strands that Asio believes to be
/// running here.
class fiber {
 public:
  /// The thread's own stack.
  fiber() = default;

  fiber(fiber&&) = delete;

  /// `body` runs when this is switched to; it must not return, but switch away for the last time.
  void begin(std::function<void()> body);

  /// Leaves `from`, which is the one that runs.
  static void switch_from(fiber& from, fiber& to);

 private:
  struct exceptions {
    void* caught = nullptr;
    unsigned int uncaught = 0;
  };

  static void enter();

  void arrived() noexcept;

  ucontext_t context_{};
  std::jmp_buf place_{};
  bool begun_ = true;
  std::unique_ptr<char[]> stack_;
  std::function<void()> body_;
  exceptions exceptions_;
  void* strands_ = nullptr;
};

}  // namespace explorer
