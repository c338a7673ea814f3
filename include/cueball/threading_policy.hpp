// SPDX-License-Identifier: BSL-1.0
/// \file
/// The threading axis: who may call the pool, from where, and at what cost?
#pragma once

#include <concepts>
#include <cstdint>
#include <string_view>

#include <cueball/time.hpp>

namespace cueball {

/// Names the axis.
struct threading_policy {};

/// A word that the hot path reads: `load` and `store`.
template <class Word>
concept threading_word = requires(Word word, const Word& constant) {
  { constant.load() } noexcept -> std::same_as<std::uint32_t>;
  { word.store(std::uint32_t{}) } noexcept;
};

template <class Mutex>
concept threading_mutex = requires(Mutex mutex) {
  mutex.lock();
  { mutex.unlock() } noexcept;
};

/// Holds one thread until another lets it go on.
template <class Parker>
concept threading_parker = requires(Parker parker, time_point deadline) {
  // True if `unpark` was called; false at the deadline.
  { parker.park_until(deadline) } -> std::same_as<bool>;
  { parker.unpark() } noexcept;
};

/// A policy of the threading axis: the four names through which the pool shares anything between threads, and
/// its clock. See docs/policies.md for what each expression means.
template <class Policy>
concept threading_model = requires {
  requires std::same_as<typename Policy::category, threading_policy>;
  requires std::convertible_to<decltype(Policy::name), std::string_view>;
  // May a thread wait inside a call?
  requires std::same_as<decltype(Policy::blocks), const bool>;
  // May several threads call at once?
  requires std::same_as<decltype(Policy::concurrent), const bool>;
  requires threading_word<typename Policy::template atomic<std::uint32_t>>;
  requires threading_mutex<typename Policy::mutex>;
  // A view of the mutex: locks it, or does nothing where claim and release need no lock.
  requires std::constructible_from<typename Policy::fast_mutex, typename Policy::mutex&>;
  requires threading_mutex<typename Policy::fast_mutex>;
  requires threading_parker<typename Policy::parker>;
  { Policy::clock::now() } noexcept -> std::same_as<time_point>;
};

}  // namespace cueball
