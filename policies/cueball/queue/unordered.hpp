// SPDX-License-Identifier: BSL-1.0
/// \file
/// Slots in no order, any of which is taken in constant time: what `random` and `sticky` are made of under a
/// lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <cueball/random.hpp>

namespace cueball::queue {

/// The last one moves into the place of the one that is taken.
template <class Slot>
class unordered {
 public:
  explicit unordered(std::size_t capacity) : slots_(capacity + 1) {}

  void push(Slot slot) noexcept {
    slots_[size_] = slot;
    slot.place(size_++);
  }

  void remove(Slot slot) noexcept {
    const auto place = slot.place();
    const auto last = slots_[--size_];
    slots_[place] = last;
    last.place(place);
  }

  std::size_t size() const noexcept { return size_; }

  /// The order means nothing here.
  bool shuffle(random_source&, std::size_t) noexcept { return true; }

 protected:
  /// The one at `which(size)`, which is below the size; none if there is none.
  template <class Which>
  std::optional<Slot> take(Which which) noexcept {
    Slot found{};
    if (size_ != 0) {
      found = slots_[which(size_)];
      remove(found);
    }
    return found ? std::optional<Slot>{found} : std::nullopt;  // one return: see fifo
  }

 private:
  std::vector<Slot> slots_;
  std::uint32_t size_ = 0;
};

}  // namespace cueball::queue
