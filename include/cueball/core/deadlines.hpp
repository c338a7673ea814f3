// SPDX-License-Identifier: BSL-1.0
/// \file
/// What is to happen when: one heap for all the times that the core waits for.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include <cueball/time.hpp>

namespace cueball::core {

/// A binary heap in order of time, then of scheduling. Cancelling takes constant time: it empties the cell
/// that the heap's entry points to; the entry goes when its time comes, or when such entries outnumber the
/// others.
template <class What>
class deadlines {
 public:
  /// Names a deadline; 0 names none.
  using id = std::uint32_t;

  id schedule(time_point when, What what) {
    if (free_.empty()) {
      cells_.emplace_back();
      free_.push_back(static_cast<id>(cells_.size()));
      if (free_.capacity() < cells_.size()) free_.reserve(2 * cells_.size());  // `retire` never allocates
    }
    const auto name = free_.back();
    heap_.push_back({when, sequence_++, name, cells_[name - 1].use});
    std::push_heap(heap_.begin(), heap_.end());
    free_.pop_back();
    cells_[name - 1].what = what;
    cells_[name - 1].armed = true;
    return name;
  }

  /// Sets `name` to none. Does nothing if it is that already.
  void cancel(id& name) noexcept {
    if (name == 0) return;
    retire(name);
    name = 0;
    ++stale_;
    if (stale_ > heap_.size() / 2 + 16) purge();
  }

  /// Takes out the first deadline that has come; its id means nothing from here on.
  std::optional<What> pop_due(time_point now) noexcept {
    drop_stale();
    if (heap_.empty() || heap_.front().when > now) return std::nullopt;
    const auto what = cells_[heap_.front().name - 1].what;
    retire(heap_.front().name);
    pop();
    return what;
  }

  /// When the first deadline comes.
  time_point next() noexcept {
    drop_stale();
    return heap_.empty() ? never_comes : heap_.front().when;
  }

  std::size_t size() const noexcept { return heap_.size() - stale_; }

 private:
  struct cell {
    What what{};
    std::uint32_t use = 0;
    bool armed = false;
  };

  struct entry {
    time_point when;
    std::uint64_t sequence;
    id name;
    std::uint32_t use;

    // Reversed, because the standard heap has its greatest element in front.
    friend bool operator<(const entry& left, const entry& right) noexcept {
      return left.when != right.when ? left.when > right.when : left.sequence > right.sequence;
    }
  };

  bool is_stale(const entry& some) const noexcept {
    const auto& its = cells_[some.name - 1];
    return !its.armed || its.use != some.use;
  }

  void retire(id name) noexcept {
    auto& its = cells_[name - 1];
    its.armed = false;
    ++its.use;
    free_.push_back(name);
  }

  void pop() noexcept {
    std::pop_heap(heap_.begin(), heap_.end());
    heap_.pop_back();
  }

  void drop_stale() noexcept {
    while (!heap_.empty() && is_stale(heap_.front())) {
      pop();
      --stale_;
    }
  }

  void purge() noexcept {
    std::erase_if(heap_, [this](const entry& some) { return is_stale(some); });
    std::make_heap(heap_.begin(), heap_.end());
    stale_ = 0;
  }

  std::vector<cell> cells_;
  std::vector<id> free_;
  std::vector<entry> heap_;
  std::uint64_t sequence_ = 0;
  std::size_t stale_ = 0;
};

}  // namespace cueball::core
