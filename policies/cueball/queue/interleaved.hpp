// SPDX-License-Identifier: BSL-1.0
/// \file
/// queue::interleaved: the backends take turns.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <cueball/queue/by_backend.hpp>
#include <cueball/queue_policy.hpp>

namespace cueball::queue {

/// In a ring, whose order is drawn for each pool; who has no idle connection is passed over. So no backend
/// has its turn twice while another has an idle connection. Of one backend, the connection that has been idle
/// longest. The most even over any stretch of claims; which backend is busy is not looked at.
struct interleaved {
  using category = queue_policy;
  static constexpr std::string_view name = "queue::interleaved";
  static constexpr queue_order order = queue_order::alternating;

  /// A bit for each place in the ring: is something of the backend that stands there idle?
  template <class Slot>
  class queue {
   public:
    queue(const interleaved&, std::size_t capacity, random_source source)
        : idle_(capacity), source_(source) {}

    void make_room(std::uint32_t backends) {
      idle_.make_room(backends);
      if (backends <= size_of_ring()) return;
      bits_.resize(backends / 64 + 1);
      for (auto next = size_of_ring(); next < backends; ++next) {
        places_.push_back(next);
        backends_.push_back(next);
        swap(next, source_.below(next + 1));
      }
    }

    void push(Slot slot) noexcept {
      idle_.push(slot);
      set(places_[slot.backend()], true);
    }

    std::optional<Slot> pop() noexcept {
      Slot found{};
      if (idle_.size() != 0) {
        last_ = next_after(last_);
        found = idle_.pop(backends_[last_]);
        set(last_, idle_.has(backends_[last_]));
      }
      return found ? std::optional<Slot>{found} : std::nullopt;  // one return: see fifo
    }

    void remove(Slot slot) noexcept {
      idle_.remove(slot);
      set(places_[slot.backend()], idle_.has(slot.backend()));
    }

    std::size_t size() const noexcept { return idle_.size(); }

    /// Of the order of the backends.
    bool shuffle(random_source& random, std::size_t steps) noexcept {
      if (left_ == 0) left_ = size_of_ring();
      for (; steps > 0 && left_ > 1; --steps, --left_) swap(left_ - 1, random.below(left_));
      if (left_ > 1) return false;
      left_ = 0;
      return true;
    }

   private:
    std::uint32_t size_of_ring() const noexcept { return static_cast<std::uint32_t>(places_.size()); }

    bool has(std::uint32_t place) const noexcept { return (bits_[place / 64] >> place % 64 & 1U) != 0; }

    void set(std::uint32_t place, bool on) noexcept {
      const auto bit = std::uint64_t{1} << place % 64;
      auto& word = bits_[place / 64];
      word = on ? word | bit : word & ~bit;
    }

    /// The next place of which something is idle; round the ring.
    std::uint32_t next_after(std::uint32_t place) const noexcept {
      const auto first = place + 1 < size_of_ring() ? place + 1 : 0;
      auto at = first / 64;
      auto word = bits_[at] & (~std::uint64_t{0} << first % 64);
      while (word == 0) {
        at = at + 1 < bits_.size() ? at + 1 : 0;
        word = bits_[at];
      }
      return static_cast<std::uint32_t>(64 * at) + static_cast<std::uint32_t>(std::countr_zero(word));
    }

    /// Whoever had the last turn keeps it, wherever it stands.
    void swap(std::uint32_t one, std::uint32_t other) noexcept {
      if (one == other) return;
      const bool had = has(one);
      set(one, has(other));
      set(other, had);
      std::swap(backends_[one], backends_[other]);
      places_[backends_[one]] = one;
      places_[backends_[other]] = other;
      if (last_ == one || last_ == other) last_ = last_ == one ? other : one;
    }

    by_backend<Slot> idle_;
    random_source source_;
    std::vector<std::uint64_t> bits_;      ///< By place.
    std::vector<std::uint32_t> places_;    ///< By the number of the backend.
    std::vector<std::uint32_t> backends_;  ///< By place.
    std::uint32_t last_ = 0;               ///< Whose turn it was.
    std::uint32_t left_ = 0;               ///< Of a shuffle: so many from the first on have no place yet.
  };
};

}  // namespace cueball::queue
