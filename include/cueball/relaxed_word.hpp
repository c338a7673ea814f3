// SPDX-License-Identifier: BSL-1.0
/// \file
/// A word that one thread writes at a time, and others may read.
#pragma once

#include <atomic>

namespace cueball {

/// Costs what a plain word costs, and orders nothing: who needs the latest value has to be ordered after its
/// writer by something else. An increment is no atomic step; two threads at once would lose one.
template <class Word>
class relaxed_word {
 public:
  relaxed_word() noexcept = default;
  relaxed_word(Word value) noexcept : value_(value) {}  // NOLINT: a word like any other
  relaxed_word(const relaxed_word& other) noexcept : value_(other) {}

  relaxed_word& operator=(const relaxed_word& other) noexcept { return *this = Word{other}; }
  relaxed_word& operator=(Word value) noexcept {
    value_.store(value, std::memory_order_relaxed);
    return *this;
  }

  operator Word() const noexcept { return value_.load(std::memory_order_relaxed); }  // NOLINT

  relaxed_word& operator++() noexcept { return *this = static_cast<Word>(*this + 1); }
  relaxed_word& operator--() noexcept { return *this = static_cast<Word>(*this - 1); }

 private:
  std::atomic<Word> value_{};
};

}  // namespace cueball
