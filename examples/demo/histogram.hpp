// SPDX-License-Identifier: BSL-1.0
/// \file
/// Times, counted by size.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace demo {

/// Up to a quarter of an hour, in buckets that are at most 7 % wide. The longest is kept exactly.
class histogram {
 public:
  using time = std::chrono::nanoseconds;

  void add(time length) noexcept {
    ++buckets_[bucket_of(static_cast<std::uint64_t>(std::max(length, time::zero()).count()))];
    ++count_;
    longest_ = std::max(longest_, length);
  }

  histogram& operator+=(const histogram& other) noexcept {
    for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
    count_ += other.count_;
    longest_ = std::max(longest_, other.longest_);
    return *this;
  }

  std::uint64_t count() const noexcept { return count_; }
  time longest() const noexcept { return longest_; }

  /// No less than `part` of all, which is 0 to 1, were as long as this or shorter; up to the width of a
  /// bucket.
  time quantile(double part) const noexcept {
    const auto wanted = static_cast<std::uint64_t>(part * static_cast<double>(count_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen > 0 && seen >= wanted) return std::min(end_of(i), longest_);
    }
    return longest_;
  }

 private:
  // Below 32 a bucket a nanosecond, above it 16 buckets for each doubling.
  static constexpr unsigned doublings = 36;
  static constexpr std::size_t size = 16 * doublings + 16;

  static std::size_t bucket_of(std::uint64_t value) noexcept {
    const auto bits = static_cast<unsigned>(std::bit_width(value));
    const auto shift = bits > 5 ? bits - 5 : 0U;
    return std::min<std::size_t>(std::size_t{16} * shift + (value >> shift), size - 1);
  }

  static time end_of(std::size_t bucket) noexcept {
    if (bucket < 32) return time{bucket};
    const auto shift = bucket / 16 - 1;
    return time{((bucket - 16 * shift + 1) << shift) - 1};
  }

  std::array<std::uint64_t, size> buckets_{};
  std::uint64_t count_ = 0;
  time longest_{};
};

}  // namespace demo
