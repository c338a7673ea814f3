// SPDX-License-Identifier: BSL-1.0
/// \file
/// Who has to be whole at a fork, and to know that it happened.
#pragma once

#include <pthread.h>

#include <algorithm>
#include <mutex>
#include <new>
#include <vector>

namespace cueball::detail {

/// The three are called by the thread that forks, which is the only one that the child has.
class forkable {
 public:
  virtual void before_fork() noexcept = 0;
  virtual void after_fork_in_parent() noexcept = 0;

  /// Does nothing that may not be done in a signal handler, but for unlocking what `before_fork` locked.
  virtual void after_fork_in_child() noexcept = 0;

 protected:
  ~forkable() = default;
};

/// Those that are told, in the order in which they came. Any thread.
class fork_watch {
 public:
  static void add(forkable& one) {
    auto& all = instance();
    const std::scoped_lock lock{all.mutex_};
    if (!all.registered_) {
      if (const int error = ::pthread_atfork(&before, &in_parent, &in_child); error != 0)
        throw std::bad_alloc{};
      all.registered_ = true;
    }
    all.those_.push_back(&one);
  }

  static void remove(forkable& one) noexcept {
    auto& all = instance();
    const std::scoped_lock lock{all.mutex_};
    std::erase(all.those_, &one);
  }

 private:
  /// Never destroyed: a process may fork while it ends.
  static fork_watch& instance() {
    static auto* const one = new fork_watch;
    return *one;
  }

  static void before() noexcept {
    auto& all = instance();
    all.mutex_.lock();
    for (auto* const one : all.those_) one->before_fork();
  }

  static void in_parent() noexcept {
    auto& all = instance();
    for (auto* const one : all.those_) one->after_fork_in_parent();
    all.mutex_.unlock();
  }

  static void in_child() noexcept {
    auto& all = instance();
    for (auto* const one : all.those_) one->after_fork_in_child();
    all.those_.clear();  // a second fork does not concern them
    all.mutex_.unlock();
  }

  std::mutex mutex_;
  std::vector<forkable*> those_;
  bool registered_ = false;
};

}  // namespace cueball::detail
