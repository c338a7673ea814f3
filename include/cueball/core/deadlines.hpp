// SPDX-License-Identifier: BSL-1.0
/// \file
/// What is to happen when: all the times that the core waits for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <cueball/time.hpp>

namespace cueball::core {

/// In order of time, then of scheduling. Those that are scheduled in order, as the deadlines of claims mostly
/// are, stand in a line: scheduling and cancelling one takes constant time, however many there are. The
/// others are in a binary heap whose entries know their places: cancelling one moves two others on average,
/// and as many as the heap is high at the most.
template <class What>
class deadlines {
 public:
  /// Names a deadline; 0 names none.
  using id = std::uint32_t;

  id schedule(time_point when, What what) {
    if (heap_.capacity() == heap_.size()) heap_.reserve(2 * heap_.size() + 1);
    const auto name = make(when, what);
    heap_.push_back({when, cells_[name - 1].sequence, name});
    rise(heap_.size() - 1);
    return name;
  }

  /// The same, for those that mostly come in order: not before more than a few that stand in the line.
  id schedule_in_line(time_point when, What what) {
    auto behind = last_;
    for (int steps = 0; behind != 0 && cells_[behind - 1].when > when; behind = cells_[behind - 1].previous)
      if (++steps == most_steps) return schedule(when, what);
    const auto name = make(when, what);
    auto& its = cells_[name - 1];
    its.stands_in_line = true;
    its.previous = behind;
    its.next = behind == 0 ? first_ : cells_[behind - 1].next;
    (its.previous == 0 ? first_ : cells_[its.previous - 1].next) = name;
    (its.next == 0 ? last_ : cells_[its.next - 1].previous) = name;
    ++in_line_;
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
    const auto name = first_of_all();
    if (name == 0 || cells_[name - 1].when > now) return std::nullopt;
    const auto what = cells_[name - 1].what;
    retire(name);
    return what;
  }

  /// When the first deadline comes.
  time_point next() const noexcept {
    const auto name = first_of_all();
    return name == 0 ? never_comes : cells_[name - 1].when;
  }

  std::size_t size() const noexcept { return heap_.size() + in_line_; }

 private:
  /// A deadline that stands behind so many others in the line is no exception.
  static constexpr int most_steps = 8;

  struct cell {
    What what{};
    time_point when{};
    std::uint64_t sequence = 0;
    std::size_t place = 0;  ///< In the heap.
    id previous = 0;        ///< In the line.
    id next = 0;
    bool stands_in_line = false;
  };

  struct entry {
    time_point when;
    std::uint64_t sequence;
    id name;

    friend bool operator<(const entry& left, const entry& right) noexcept {
      return left.when != right.when ? left.when < right.when : left.sequence < right.sequence;
    }
  };

  id make(time_point when, What what) {
    if (free_.empty()) {
      cells_.emplace_back();
      free_.push_back(static_cast<id>(cells_.size()));
      if (free_.capacity() < cells_.size()) free_.reserve(2 * cells_.size());  // `retire` never allocates
    }
    const auto name = free_.back();
    free_.pop_back();
    cells_[name - 1] = {what, when, sequence_++};
    return name;
  }

  id first_of_all() const noexcept {
    if (heap_.empty()) return first_;
    const auto& top = heap_.front();
    if (first_ == 0) return top.name;
    const auto& its = cells_[first_ - 1];
    return entry{its.when, its.sequence, first_} < top ? first_ : top.name;
  }

  void retire(id name) noexcept {
    free_.push_back(name);
    auto& its = cells_[name - 1];
    if (its.stands_in_line) {
      (its.previous == 0 ? first_ : cells_[its.previous - 1].next) = its.next;
      (its.next == 0 ? last_ : cells_[its.next - 1].previous) = its.previous;
      --in_line_;
      return;
    }
    const auto place = its.place;
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
  id first_ = 0;  ///< In the line.
  id last_ = 0;
  std::size_t in_line_ = 0;
  std::uint64_t sequence_ = 0;
};

}  // namespace cueball::core
