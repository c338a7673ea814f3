// SPDX-License-Identifier: BSL-1.0
/// \file
/// An array that grows and whose elements stay where they are.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace cueball {

/// In pieces, each as large as all those before it. One thread at a time may grow it, while others use
/// elements that they were told of after they were made.
template <class Element>
class stable_array {
 public:
  std::uint32_t size() const noexcept { return size_; }

  /// Never less than it was.
  void grow_to(std::uint32_t size) {
    while (capacity() < size) {
      pieces_[count_] = std::make_unique<Element[]>(first << count_);
      ++count_;
    }
    if (size > size_) size_ = size;
  }

  Element& operator[](std::uint32_t index) const noexcept {
    const auto place = std::size_t{index} + first;
    const auto piece = static_cast<std::size_t>(std::bit_width(place)) - first_width;
    return pieces_[piece][place - (first << piece)];
  }

 private:
  static constexpr std::size_t first = 32;
  static constexpr std::size_t first_width = std::bit_width(first);

  std::size_t capacity() const noexcept { return (first << count_) - first; }

  std::array<std::unique_ptr<Element[]>, 27> pieces_;
  std::size_t count_ = 0;
  std::uint32_t size_ = 0;
};

}  // namespace cueball
