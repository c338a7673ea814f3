// SPDX-License-Identifier: BSL-1.0
/// \file
/// queue::least_loaded: a backend with the fewest claimed connections.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <cueball/queue/by_backend.hpp>
#include <cueball/queue_policy.hpp>

namespace cueball::queue {

/// Of those that have an idle connection; where several have as few, they take turns. A backend that is slow
/// holds what it has for longer, and so gets less. Of one backend, the connection that has been idle longest.
struct least_loaded {
  using category = queue_policy;
  static constexpr std::string_view name = "queue::least_loaded";
  static constexpr queue_order order = queue_order::least_loaded;

  /// A line of backends for each number of claimed connections. A backend whose idle connections are all
  /// taken out leaves its line.
  template <class Slot>
  class queue {
   public:
    queue(const least_loaded&, std::size_t capacity, random_source)
        : idle_(capacity), lines_(capacity + 1), least_(static_cast<std::uint32_t>(capacity)) {}

    void make_room(std::uint32_t backends) {
      idle_.make_room(backends);
      if (backends > backends_.size()) backends_.resize(backends);
    }

    void push(Slot slot) noexcept {
      const auto backend = slot.backend();
      idle_.push(slot);
      if (!backends_[backend].stands) stand(backend);
    }

    std::optional<Slot> pop() noexcept {
      if (idle_.size() == 0) return std::nullopt;
      while (lines_[least_].first == none) ++least_;
      const auto backend = lines_[least_].first;
      const auto found = idle_.pop(backend);
      leave(backend);
      if (idle_.has(backend)) stand(backend);
      return found;
    }

    void remove(Slot slot) noexcept {
      const auto backend = slot.backend();
      idle_.remove(slot);
      if (!idle_.has(backend)) leave(backend);
    }

    /// It has a new holder.
    void claimed(Slot slot) noexcept { weigh(slot.backend(), 1); }

    /// Its holder has it no longer.
    void ended(Slot slot) noexcept { weigh(slot.backend(), UINT32_MAX); }

    std::size_t size() const noexcept { return idle_.size(); }

    /// The order follows from the load.
    bool shuffle(random_source&, std::size_t) noexcept { return true; }

   private:
    static constexpr std::uint32_t none = UINT32_MAX;

    struct one {
      std::uint32_t load = 0;
      std::uint32_t line = 0;  ///< In which it stands.
      std::uint32_t previous = none;
      std::uint32_t next = none;
      bool stands = false;
    };

    struct line {
      std::uint32_t first = none;
      std::uint32_t last = none;
    };

    /// \param more one more, or (what is one less) the greatest number
    void weigh(std::uint32_t backend, std::uint32_t more) noexcept {
      backends_[backend].load += more;
      if (!backends_[backend].stands) return;
      leave(backend);
      stand(backend);
    }

    /// At the end of the line of its load.
    void stand(std::uint32_t backend) noexcept {
      auto& its = backends_[backend];
      its.line = std::min(its.load, static_cast<std::uint32_t>(lines_.size() - 1));
      auto& where = lines_[its.line];
      its.previous = where.last;
      its.next = none;
      its.stands = true;
      (where.last == none ? where.first : backends_[where.last].next) = backend;
      where.last = backend;
      least_ = std::min(least_, its.line);
    }

    void leave(std::uint32_t backend) noexcept {
      auto& its = backends_[backend];
      auto& where = lines_[its.line];
      (its.previous == none ? where.first : backends_[its.previous].next) = its.next;
      (its.next == none ? where.last : backends_[its.next].previous) = its.previous;
      its.stands = false;
    }

    by_backend<Slot> idle_;
    std::vector<one> backends_;  ///< By number.
    std::vector<line> lines_;    ///< By load.
    std::uint32_t least_;        ///< No line below it has anybody in it.
  };
};

}  // namespace cueball::queue
