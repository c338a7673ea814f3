// SPDX-License-Identifier: BSL-1.0
/// \file
/// The pool's own randomness: the same numbers from the same seed on every platform.
#pragma once

#include <bit>
#include <cstdint>

namespace cueball {

/// xoshiro256** (D. Blackman and S. Vigna, "Scrambled linear pseudorandom number generators", 2018), seeded
/// by splitmix64. A value: a copy goes on alike. Not for secrets. Not thread-safe.
class random_source {
 public:
  using result_type = std::uint64_t;

  explicit constexpr random_source(std::uint64_t seed) noexcept {
    for (auto& word : state_) {
      seed += 0x9E3779B97F4A7C15ULL;
      auto mixed = seed;
      mixed = (mixed ^ (mixed >> 30U)) * 0xBF58476D1CE4E5B9ULL;
      mixed = (mixed ^ (mixed >> 27U)) * 0x94D049BB133111EBULL;
      word = mixed ^ (mixed >> 31U);
    }
  }

  static constexpr result_type min() noexcept { return 0; }
  static constexpr result_type max() noexcept { return UINT64_MAX; }

  constexpr result_type operator()() noexcept {
    const auto result = std::rotl(state_[1] * 5, 7) * 9;
    const auto shifted = state_[1] << 17U;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  /// Uniform over [0, bound), without bias (D. Lemire, "Fast random integer generation in an interval",
  /// 2019).
  /// \pre bound > 0
  constexpr std::uint32_t below(std::uint32_t bound) noexcept {
    auto product = std::uint64_t{high_half()} * bound;
    auto low = static_cast<std::uint32_t>(product);
    if (low < bound) {
      const auto threshold = static_cast<std::uint32_t>(-bound) % bound;
      while (low < threshold) {
        product = std::uint64_t{high_half()} * bound;
        low = static_cast<std::uint32_t>(product);
      }
    }
    return static_cast<std::uint32_t>(product >> 32U);
  }

  /// Uniform over [0, 1), in steps of 2^-53.
  constexpr double fraction() noexcept { return static_cast<double>((*this)() >> 11U) * 0x1.0p-53; }

 private:
  constexpr std::uint32_t high_half() noexcept { return static_cast<std::uint32_t>((*this)() >> 32U); }

  std::uint64_t state_[4];
};

}  // namespace cueball
