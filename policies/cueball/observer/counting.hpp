// SPDX-License-Identifier: BSL-1.0
/// \file
/// observer::counting: how often each event happened.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include <cueball/observer_policy.hpp>

namespace cueball::observer {

/// Read it at any time, from any thread, through `pool.observer()`. A copy starts with what was counted so
/// far.
class counting {
 public:
  using category = observer_policy;
  static constexpr std::string_view name = "observer::counting";

  /// One event's number.
  class counter {
   public:
    counter() = default;
    counter(const counter& other) noexcept : value_(other.value()) {}
    counter& operator=(const counter&) = delete;

    std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }
    void add() noexcept { value_.fetch_add(1, std::memory_order_relaxed); }

   private:
    std::atomic<std::uint64_t> value_ = 0;
  };

  counter claimed, released, lease_overdue, connected, connect_failed, closed;
  counter backend_added, backend_changed, backend_removed, backend_dead, backend_alive, resolver_failed;
  counter plan_failed, rebalanced, shuffled, state_changed;

  void on(const claimed_event&) noexcept { claimed.add(); }
  void on(const released_event&) noexcept { released.add(); }
  void on(const lease_overdue_event&) noexcept { lease_overdue.add(); }
  void on(const connected_event&) noexcept { connected.add(); }
  void on(const connect_failed_event&) noexcept { connect_failed.add(); }
  void on(const closed_event&) noexcept { closed.add(); }
  void on(const backend_added_event&) noexcept { backend_added.add(); }
  void on(const backend_changed_event&) noexcept { backend_changed.add(); }
  void on(const backend_removed_event&) noexcept { backend_removed.add(); }
  void on(const backend_dead_event&) noexcept { backend_dead.add(); }
  void on(const backend_alive_event&) noexcept { backend_alive.add(); }
  void on(const resolver_failed_event&) noexcept { resolver_failed.add(); }
  void on(const plan_failed_event&) noexcept { plan_failed.add(); }
  void on(const rebalanced_event&) noexcept { rebalanced.add(); }
  void on(const shuffled_event&) noexcept { shuffled.add(); }
  void on(const state_changed_event&) noexcept { state_changed.add(); }
};

}  // namespace cueball::observer
