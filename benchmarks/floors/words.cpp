// SPDX-License-Identifier: BSL-1.0
/// \file
/// What the hardware asks for: two exchanges of a word, or a mutex taken twice. No connection is handed out.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "../support/cycles.hpp"

namespace {

struct alignas(64) word {
  std::atomic<std::uint64_t> value{0};

  void add(std::uint64_t delta) noexcept {
    auto old = value.load(std::memory_order_relaxed);
    while (!value.compare_exchange_weak(old, old + delta)) {
    }
  }
};

/// Adds one, and takes it off again.
class held_word {
 public:
  explicit held_word(word& where) noexcept : where_(where) { where_.add(1); }
  ~held_word() { where_.add(~std::uint64_t{0}); }
  held_word(const held_word&) = delete;
  held_word& operator=(const held_word&) = delete;

  word& operator*() const noexcept { return where_; }

 private:
  word& where_;
};

struct cas_private {
  cas_private(int threads, int) : words(static_cast<std::size_t>(threads)) {}
  held_word claim(int thread) { return held_word{words[static_cast<std::size_t>(thread)]}; }

  std::vector<word> words;
};

struct cas_shared {
  cas_shared(int, int) {}
  held_word claim(int) { return held_word{only}; }

  word only;
};

/// Two locks: one to claim, one to release.
class held_count {
 public:
  held_count(std::mutex& mutex, std::uint64_t& count) : mutex_(mutex), count_(count) { add(1); }
  ~held_count() { add(~std::uint64_t{0}); }
  held_count(const held_count&) = delete;
  held_count& operator=(const held_count&) = delete;

  std::uint64_t& operator*() const noexcept { return count_; }

 private:
  void add(std::uint64_t delta) {
    const std::scoped_lock lock{mutex_};
    count_ += delta;
  }

  std::mutex& mutex_;
  std::uint64_t& count_;
};

struct mutex_pair {
  mutex_pair(int, int) {}
  held_count claim(int) { return {mutex, count}; }

  alignas(64) std::mutex mutex;
  std::uint64_t count = 0;
};

[[maybe_unused]] const bool added =
    bench::add_cycles<cas_private>("cas_private") && bench::add_cycles<cas_shared>("cas_shared") &&
    bench::add_cycles<mutex_pair>("mutex_pair") && bench::add_fixed_cycles<cas_private>("cas_private") &&
    bench::add_fixed_cycles<mutex_pair>("mutex_pair");

}  // namespace
