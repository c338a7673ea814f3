// SPDX-License-Identifier: BSL-1.0
/// \file
/// The one clock that cueball measures with, and how "no limit" is spelled.
#pragma once

#include <chrono>

namespace cueball {

/// Monotonic, so that a step of the wall clock changes nothing.
using time_point = std::chrono::steady_clock::time_point;
using duration = std::chrono::steady_clock::duration;

/// Spells out that an option or a wait has no limit.
inline constexpr duration no_limit = duration::max();

/// The moment that never comes.
inline constexpr time_point never_comes = time_point::max();

/// `from + length`; `never_comes` where that has no limit or would not fit.
/// \pre `length` is not so far below zero that the sum would not fit.
constexpr time_point after(time_point from, duration length) noexcept {
  if (length == no_limit || (length > duration::zero() && from > never_comes - length)) return never_comes;
  return from + length;
}

}  // namespace cueball
