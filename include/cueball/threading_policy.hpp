// SPDX-License-Identifier: BSL-1.0
/// \file
/// The threading axis: who may call the pool, from where, and at what cost?
#pragma once

#include <atomic>
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

/// A word that threads change without a lock. All orders are those of the standard, `seq_cst` where none is
/// given; a `compare_exchange` that fails acquires.
template <class Atomic, class Word>
concept shared_word = requires(Atomic atomic, const Atomic& constant, Word word, std::memory_order order) {
  requires std::constructible_from<Atomic, Word>;
  { constant.load() } noexcept -> std::same_as<Word>;
  { constant.load(order) } noexcept -> std::same_as<Word>;
  { atomic.store(word) } noexcept;
  { atomic.store(word, order) } noexcept;
  { atomic.compare_exchange(word, word, order) } noexcept -> std::same_as<bool>;
  { atomic.exchange(word, order) } noexcept -> std::same_as<Word>;
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

/// Do claims and releases run beside each other and beside the book, with no lock? `Model` says so with
/// `static constexpr bool shares_front = true`; its `atomic` is a `shared_word` then, and its `fast_mutex`
/// does nothing.
template <class Model>
inline constexpr bool shares_front = false;
template <class Model>
  requires requires { requires std::same_as<decltype(Model::shares_front), const bool>; }
inline constexpr bool shares_front<Model> = Model::shares_front;

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
  requires !shares_front<Policy> ||
               (shared_word<typename Policy::template atomic<std::uint32_t>, std::uint32_t> &&
                shared_word<typename Policy::template atomic<std::uint64_t>, std::uint64_t>);
  { Policy::clock::now() } noexcept -> std::same_as<time_point>;
};

}  // namespace cueball
