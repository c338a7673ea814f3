// SPDX-License-Identifier: BSL-1.0
/// \file
/// An array that grows and whose elements stay where they are.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

namespace cueball {

/// As many elements as are expected are in one piece, and cost nothing before they are made; if there are
/// more, they are in further pieces, each as large as all the further ones before it. One thread at a time
/// may grow it, while others use elements that they were told of after they were made.
template <class Element>
class stable_array {
 public:
  explicit stable_array(std::uint32_t expected)
      : expected_(expected), expected_ones_(std::make_unique_for_overwrite<room[]>(expected)) {}

  stable_array(const stable_array&) = delete;
  stable_array& operator=(const stable_array&) = delete;

  ~stable_array() {
    if constexpr (!std::is_trivially_destructible_v<Element>)
      while (size_ > 0) std::destroy_at(&(*this)[--size_]);
  }

  std::uint32_t size() const noexcept { return size_; }

  /// Never less than it was.
  void grow_to(std::uint32_t size) {
    while (capacity() < size) {
      pieces_[count_] = std::make_unique_for_overwrite<room[]>(first << count_);
      ++count_;
    }
    for (; size_ < size; ++size_) std::construct_at(&(*this)[size_]);
  }

  Element& operator[](std::uint32_t index) const noexcept {
    return index < expected_ ? expected_ones_[index].element : further(index - expected_);
  }

 private:
  static constexpr std::size_t first = 32;
  static constexpr std::size_t first_width = std::bit_width(first);

  /// For an element that may not be there yet.
  union room {
    room() noexcept {}
    ~room() {}
    Element element;
  };

  std::size_t capacity() const noexcept { return expected_ + (first << count_) - first; }

  Element& further(std::uint32_t index) const noexcept {
    const auto place = std::size_t{index} + first;
    const auto piece = static_cast<std::size_t>(std::bit_width(place)) - first_width;
    return pieces_[piece][place - (first << piece)].element;
  }

  std::uint32_t expected_;
  std::uint32_t size_ = 0;
  std::unique_ptr<room[]> expected_ones_;
  std::size_t count_ = 0;
  std::array<std::unique_ptr<room[]>, 27> pieces_;
};

}  // namespace cueball
