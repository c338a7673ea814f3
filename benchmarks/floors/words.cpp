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

  /// Returns what was there.
  std::uint64_t add(std::uint64_t delta) noexcept {
    auto old = value.load(std::memory_order_relaxed);
    while (!value.compare_exchange_weak(old, old + delta)) {
    }
    return old;
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

/// What any queue with two ends does at the least: it exchanges one end to claim and the other one to
/// release, and between them somebody writes to what he has got, in its turn. (Not a queue: nobody looks
/// whether it is there.)
class held_turn {
 public:
  held_turn(word& head, word& tail, std::vector<word>& all)
      : tail_(tail), mine_(all[static_cast<std::size_t>(head.add(1) % all.size())]) {
    mine_.value.store(mine_.value.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  ~held_turn() { tail_.add(1); }
  held_turn(const held_turn&) = delete;
  held_turn& operator=(const held_turn&) = delete;

  word& operator*() const noexcept { return mine_; }

 private:
  word& tail_;
  word& mine_;
};

struct two_ends {
  two_ends(int, int size) : all(static_cast<std::size_t>(size)) {}
  held_turn claim(int) { return {head, tail, all}; }

  word head;
  word tail;
  std::vector<word> all;
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
    bench::add_cycles<two_ends>("two_ends") && bench::add_cycles<mutex_pair>("mutex_pair") &&
    bench::add_fixed_cycles<cas_private>("cas_private") && bench::add_fixed_cycles<mutex_pair>("mutex_pair");

}  // namespace
