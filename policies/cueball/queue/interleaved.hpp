// SPDX-License-Identifier: BSL-1.0
/// \file
/// queue::interleaved: the backends take turns.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <cueball/queue/by_backend.hpp>
#include <cueball/queue_policy.hpp>

namespace cueball::queue {

/// No backend has its turn twice while another has an idle connection. Of one backend, the connection that
/// has been idle longest. The most even over any stretch of claims; which backend is busy is not looked at.
struct interleaved {
  using category = queue_policy;
  static constexpr std::string_view name = "queue::interleaved";
  static constexpr queue_order order = queue_order::alternating;

  /// The backends stand in a ring; one whose last idle connection was taken out keeps its place until its
  /// turn comes.
  template <class Slot>
  class queue {
   public:
    queue(const interleaved&, std::size_t capacity, random_source) : idle_(capacity) {}

    void make_room(std::uint32_t backends) {
      idle_.make_room(backends);
      if (backends <= stands_.size()) return;
      const auto room = std::max<std::size_t>(backends, 2 * stands_.size());
      stands_.resize(room);
      std::rotate(ring_.begin(), ring_.begin() + static_cast<std::ptrdiff_t>(first_), ring_.end());
      first_ = 0;
      ring_.resize(room);
    }

    void push(Slot slot) noexcept {
      const auto backend = slot.backend();
      idle_.push(slot);
      if (!stands_[backend]) stand(backend);
    }

    std::optional<Slot> pop() noexcept {
      while (standing_ > 0) {
        const auto backend = at(0);
        first_ = first_ + 1 == ring_.size() ? 0 : first_ + 1;
        --standing_;
        stands_[backend] = false;
        if (!idle_.has(backend)) continue;
        if (backend == last_ && standing_ > 0) {  // the others came after its turn
          stand(backend);
          last_ = none;
          continue;
        }
        const auto found = idle_.pop(backend);
        if (idle_.has(backend)) stand(backend);
        last_ = backend;
        return found;
      }
      return std::nullopt;
    }

    void remove(Slot slot) noexcept { idle_.remove(slot); }

    std::size_t size() const noexcept { return idle_.size(); }

    /// Of the order of the backends.
    bool shuffle(random_source& random, std::size_t steps) noexcept {
      if (left_ == 0) left_ = standing_;
      left_ = std::min(left_, standing_);
      for (; steps > 0 && left_ > 1; --steps, --left_) std::swap(at(left_ - 1), at(random.below(left_)));
      if (left_ > 1) return false;
      left_ = 0;
      return true;
    }

   private:
    static constexpr std::uint32_t none = UINT32_MAX;

    std::uint32_t& at(std::uint32_t place) noexcept {
      const auto found = first_ + place;
      return ring_[found < ring_.size() ? found : found - ring_.size()];
    }

    void stand(std::uint32_t backend) noexcept {
      stands_[backend] = true;
      at(standing_++) = backend;
    }

    by_backend<Slot> idle_;
    std::vector<bool> stands_;         ///< By the number of the backend: is it in the ring?
    std::vector<std::uint32_t> ring_;  ///< The number of each at most once, from `first_` on.
    std::size_t first_ = 0;
    std::uint32_t standing_ = 0;
    std::uint32_t last_ = none;  ///< Whose turn it was.
    std::uint32_t left_ = 0;     ///< Of a shuffle: so many from the first on have no place yet.
  };
};

}  // namespace cueball::queue
