// SPDX-License-Identifier: BSL-1.0
/// \file
/// threading::single_threaded: every call on one executor; no lock and no atomic instruction.
#pragma once

#include <cstdint>
#include <string_view>

#include <cueball/threading_policy.hpp>

namespace cueball::threading {

/// A word that threads do not share, or only under a mutex.
template <class Word>
class plain_word {
 public:
  constexpr plain_word() noexcept = default;
  constexpr explicit plain_word(Word value) noexcept : value_(value) {}

  constexpr Word load() const noexcept { return value_; }
  constexpr void store(Word value) noexcept { value_ = value; }

 private:
  Word value_{};
};

/// For a pool that lives on one executor whose tasks never run at the same time, which the user gives (an
/// `io_context` run by one thread, or a strand). All calls, leases included, are made there. Nothing blocks:
/// claim with `async_claim` or `try_claim`.
struct single_threaded {
  using category = threading_policy;
  static constexpr std::string_view name = "threading::single_threaded";
  static constexpr bool blocks = false;
  static constexpr bool concurrent = false;

  template <class Word>
  using atomic = plain_word<Word>;

  struct mutex {
    void lock() noexcept {}
    void unlock() noexcept {}
  };

  struct fast_mutex {
    explicit fast_mutex(mutex&) noexcept {}
    void lock() noexcept {}
    void unlock() noexcept {}
  };

  /// Nothing waits in a call here, so there is nobody to wake.
  struct parker {
    bool park_until(time_point) noexcept { return true; }
    void unpark() noexcept {}
  };

  using clock = std::chrono::steady_clock;
};

}  // namespace cueball::threading
