// SPDX-License-Identifier: BSL-1.0
/// \file
/// What is to happen when: one heap for all the times that the core waits for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <cueball/time.hpp>

namespace cueball::core {

/// A binary heap in order of time, then of scheduling, whose entries know their places: cancelling one moves
/// two others on average, and as many as the heap is high at the most.
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
    heap_.push_back({when, sequence_++, name});
    free_.pop_back();
    cells_[name - 1].what = what;
    rise(heap_.size() - 1);
    return name;
  }

  /// Sets `name` to none. Does nothing if it is that already.
  void cancel(id& name) noexcept {
    if (name == 0) return;
    retire(name);
    name = 0;
  }

  /// Takes out the first deadline that has come; its id means nothing from here on.
  std::optional<What> pop_due(time_point now) noexcept {
    if (heap_.empty() || heap_.front().when > now) return std::nullopt;
    const auto name = heap_.front().name;
    const auto what = cells_[name - 1].what;
    retire(name);
    return what;
  }

  /// When the first deadline comes.
  time_point next() const noexcept { return heap_.empty() ? never_comes : heap_.front().when; }

  std::size_t size() const noexcept { return heap_.size(); }

 private:
  struct cell {
    What what{};
    std::size_t place = 0;  ///< In the heap.
  };

  struct entry {
    time_point when;
    std::uint64_t sequence;
    id name;

    friend bool operator<(const entry& left, const entry& right) noexcept {
      return left.when != right.when ? left.when < right.when : left.sequence < right.sequence;
    }
  };

  void retire(id name) noexcept {
    const auto place = cells_[name - 1].place;
    free_.push_back(name);
    const auto last = heap_.back();
    heap_.pop_back();
    if (place == heap_.size()) return;
    put(place, last);
    rise(place);
    sink(cells_[last.name - 1].place);
  }

  void put(std::size_t place, const entry& what) noexcept {
    heap_[place] = what;
    cells_[what.name - 1].place = place;
  }

  void rise(std::size_t place) noexcept {
    const auto what = heap_[place];
    for (; place > 0; place = (place - 1) / 2) {
      const auto& above = heap_[(place - 1) / 2];
      if (!(what < above)) break;
      put(place, above);
    }
    put(place, what);
  }

  void sink(std::size_t place) noexcept {
    const auto what = heap_[place];
    for (std::size_t below = 0; (below = 2 * place + 1) < heap_.size(); place = below) {
      if (below + 1 < heap_.size() && heap_[below + 1] < heap_[below]) ++below;
      if (!(heap_[below] < what)) break;
      put(place, heap_[below]);
    }
    put(place, what);
  }

  std::vector<cell> cells_;
  std::vector<id> free_;
  std::vector<entry> heap_;
  std::uint64_t sequence_ = 0;
};

}  // namespace cueball::core
