// SPDX-License-Identifier: BSL-1.0
/// \file
/// What small honest pools are made of: entries, and a ring of those that are idle.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace bench {

struct entry {
  int number = 0;
};

/// The one that came in first goes out first. As many places as entries.
class ring {
 public:
  explicit ring(int size) : entries_(static_cast<std::size_t>(size)) {
    for (auto& one : entries_) idle_.push_back(&one);
    count_ = idle_.size();
  }

  bool is_empty() const noexcept { return count_ == 0; }

  entry* pop() noexcept {
    auto* const out = idle_[first_];
    if (++first_ == idle_.size()) first_ = 0;
    --count_;
    return out;
  }

  void push(entry* in) noexcept {
    auto last = first_ + count_;
    if (last >= idle_.size()) last -= idle_.size();
    idle_[last] = in;
    ++count_;
  }

 private:
  std::vector<entry> entries_;
  std::vector<entry*> idle_;
  std::size_t first_ = 0;
  std::size_t count_ = 0;
};

/// Gives its entry back to the pool at the end.
template <class Pool>
class held_entry {
 public:
  held_entry(Pool& pool, entry* what) noexcept : pool_(pool), what_(what) {}
  ~held_entry() { pool_.release(what_); }
  held_entry(const held_entry&) = delete;
  held_entry& operator=(const held_entry&) = delete;

  entry& operator*() const noexcept { return *what_; }

 private:
  Pool& pool_;
  entry* what_;
};

}  // namespace bench
