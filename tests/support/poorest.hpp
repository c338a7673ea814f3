// SPDX-License-Identifier: BSL-1.0
/// \file
/// The poorest policy of each axis: it has what its concept asks for and nothing else, and does nothing.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <cueball/decoherence_policy.hpp>
#include <cueball/observer_policy.hpp>
#include <cueball/queue_policy.hpp>
#include <cueball/rebalance_policy.hpp>
#include <cueball/threading_policy.hpp>

struct poorest_queue {
  using category = cueball::queue_policy;
  static constexpr std::string_view name = "poorest_queue";

  template <class Slot>
  class queue {
   public:
    queue(const auto&, std::size_t, cueball::random_source) {}
    queue(const queue&) = delete;
    queue& operator=(const queue&) = delete;

    void push(Slot) noexcept {}
    std::optional<Slot> pop() noexcept { return std::nullopt; }
    void remove(Slot) noexcept {}
    std::size_t size() const noexcept { return 0; }
    bool shuffle(cueball::random_source&, std::size_t) noexcept { return true; }
  };
};

struct poorest_rebalance {
  using category = cueball::rebalance_policy;
  static constexpr std::string_view name = "poorest_rebalance";

  std::vector<std::uint32_t> plan(std::span<const cueball::backend_load> live, std::uint32_t,
                                  cueball::random_source&) const {
    return std::vector<std::uint32_t>(live.size());
  }
};

struct poorest_decoherence {
  using category = cueball::decoherence_policy;
  static constexpr std::string_view name = "poorest_decoherence";

  cueball::decoherence_step next(cueball::time_point, const cueball::coherence&,
                                 cueball::random_source&) const noexcept {
    return {};
  }
};

struct poorest_threading {
  using category = cueball::threading_policy;
  static constexpr std::string_view name = "poorest_threading";
  static constexpr bool blocks = false;
  static constexpr bool concurrent = false;

  template <class Word>
  class atomic {
   public:
    Word load() const noexcept { return value_; }
    void store(Word value) noexcept { value_ = value; }

   private:
    Word value_ = 0;
  };

  struct mutex {
    mutex() = default;
    mutex(const mutex&) = delete;
    mutex& operator=(const mutex&) = delete;

    void lock() {}
    void unlock() noexcept {}
  };

  struct fast_mutex {
    explicit fast_mutex(mutex&) {}
    fast_mutex(const fast_mutex&) = delete;
    fast_mutex& operator=(const fast_mutex&) = delete;

    void lock() {}
    void unlock() noexcept {}
  };

  struct parker {
    parker() = default;
    parker(const parker&) = delete;
    parker& operator=(const parker&) = delete;

    bool park_until(cueball::time_point) { return true; }
    void unpark() noexcept {}
  };

  struct clock {
    static cueball::time_point now() noexcept { return {}; }
  };
};

struct poorest_observer {
  using category = cueball::observer_policy;
  static constexpr std::string_view name = "poorest_observer";

  poorest_observer() = default;
  poorest_observer(poorest_observer&&) = default;
  poorest_observer& operator=(poorest_observer&&) = delete;

  void on(const cueball::claimed_event&) noexcept {}
  void on(const cueball::released_event&) noexcept {}
  void on(const cueball::connected_event&) noexcept {}
  void on(const cueball::connect_failed_event&) noexcept {}
  void on(const cueball::closed_event&) noexcept {}
  void on(const cueball::backend_added_event&) noexcept {}
  void on(const cueball::backend_changed_event&) noexcept {}
  void on(const cueball::backend_removed_event&) noexcept {}
  void on(const cueball::backend_dead_event&) noexcept {}
  void on(const cueball::backend_alive_event&) noexcept {}
  void on(const cueball::resolver_failed_event&) noexcept {}
  void on(const cueball::plan_failed_event&) noexcept {}
  void on(const cueball::rebalanced_event&) noexcept {}
  void on(const cueball::shuffled_event&) noexcept {}
  void on(const cueball::state_changed_event&) noexcept {}
};
