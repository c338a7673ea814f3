// SPDX-License-Identifier: BSL-1.0
/// \file
/// Threading policies for a pool in virtual time: those that ship, with a clock that the world moves, mutexes
/// that know that they are held, and a parker that lets the world go on.
#pragma once

#include <cstdint>
#include <string_view>

#include <cueball/threading/lock_free.hpp>
#include <cueball/threading/multi_threaded.hpp>
#include <cueball/threading/single_threaded.hpp>

#include "virtual_time.hpp"

namespace cueball::laws::shell {

/// How many of the pool's mutexes are held at this moment; `relocked`: one was locked while it was held.
struct held_locks {
  static inline int count = 0;
  static inline bool relocked = false;
};

class watched_mutex {
 public:
  void lock() noexcept {
    if (locked_) held_locks::relocked = true;
    locked_ = true;
    ++held_locks::count;
  }
  void unlock() noexcept {
    locked_ = false;
    --held_locks::count;
  }

 private:
  bool locked_ = false;
};

class watched_fast_mutex {
 public:
  explicit watched_fast_mutex(watched_mutex& all) noexcept : all_(all) {}
  void lock() noexcept { all_.lock(); }
  void unlock() noexcept { all_.unlock(); }

 private:
  watched_mutex& all_;
};

/// Who lets the world go on while a thread waits in a call.
class parking {
 public:
  virtual ~parking() = default;

  /// A thread is about to wait.
  virtual std::uint32_t begin() = 0;

  /// Its wait is over.
  virtual void unpark(std::uint32_t thread) noexcept = 0;

  /// Until `unpark` was called (true) or the deadline has come.
  virtual bool park_until(std::uint32_t thread, time_point deadline) = 0;

  static inline parking* here = nullptr;
};

class world_parker {
 public:
  bool park_until(time_point deadline) { return parking::here->park_until(thread_, deadline); }
  void unpark() noexcept { parking::here->unpark(thread_); }

 private:
  std::uint32_t thread_ = parking::here->begin();
};

struct one_thread : threading::single_threaded {
  static constexpr std::string_view name = "shell::one_thread";
  using mutex = watched_mutex;
  using fast_mutex = watched_fast_mutex;
  using clock = virtual_clock;
};

struct many_threads : threading::multi_threaded {
  static constexpr std::string_view name = "shell::many_threads";
  using mutex = watched_mutex;
  using fast_mutex = watched_fast_mutex;
  using parker = world_parker;
  using clock = virtual_clock;
};

struct no_locks : threading::lock_free {
  static constexpr std::string_view name = "shell::no_locks";
  using mutex = watched_mutex;
  using parker = world_parker;
  using clock = virtual_clock;

  struct fast_mutex {
    explicit fast_mutex(watched_mutex&) noexcept {}
    void lock() noexcept {}
    void unlock() noexcept {}
  };
};

}  // namespace cueball::laws::shell
