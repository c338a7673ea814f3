// SPDX-License-Identifier: BSL-1.0
/// \file
/// Idle slots, in a line for each backend: what `interleaved` and `least_loaded` are made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace cueball::queue {

/// Each line is first in, first out. Everything but `make_room` takes constant time, and allocates nothing.
template <class Slot>
class by_backend {
 public:
  explicit by_backend(std::size_t capacity) : cells_(capacity + 1) {
    for (auto i = static_cast<std::uint32_t>(capacity + 1); i-- > 0;) free(i);
  }

  /// For backends with numbers below this.
  void make_room(std::uint32_t backends) {
    if (backends > lines_.size()) lines_.resize(backends);
  }

  bool has(std::uint32_t backend) const noexcept { return lines_[backend].first != none; }

  void push(Slot slot) noexcept {
    auto& its = lines_[slot.backend()];
    const auto made = std::exchange(free_, cells_[free_].next);
    cells_[made] = {slot, its.last, none};
    (its.last == none ? its.first : cells_[its.last].next) = made;
    its.last = made;
    slot.place(made);
    ++size_;
  }

  /// \pre has(backend)
  Slot pop(std::uint32_t backend) noexcept {
    const auto found = cells_[lines_[backend].first].slot;
    remove(found);
    return found;
  }

  void remove(Slot slot) noexcept {
    const auto gone = slot.place();
    const auto previous = cells_[gone].previous;
    const auto next = cells_[gone].next;
    auto& its = lines_[slot.backend()];
    (previous == none ? its.first : cells_[previous].next) = next;
    (next == none ? its.last : cells_[next].previous) = previous;
    free(gone);
    --size_;
  }

  std::size_t size() const noexcept { return size_; }

 private:
  static constexpr std::uint32_t none = UINT32_MAX;

  struct cell {
    Slot slot{};
    std::uint32_t previous = none;
    std::uint32_t next = none;
  };

  struct line {
    std::uint32_t first = none;
    std::uint32_t last = none;
  };

  void free(std::uint32_t which) noexcept { cells_[which] = {Slot{}, none, std::exchange(free_, which)}; }

  std::vector<cell> cells_;
  std::vector<line> lines_;  ///< By the number of the backend.
  std::uint32_t free_ = none;
  std::uint32_t size_ = 0;
};

}  // namespace cueball::queue
