// SPDX-License-Identifier: BSL-1.0
/// \file
/// What the simulated pool meets: connections, a resolver, handlers and an observer, all of which ask the
/// world what to do, and tell it what is done to them.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <cueball/backend.hpp>
#include <cueball/error.hpp>
#include <cueball/events.hpp>
#include <cueball/lease.hpp>
#include <cueball/observer_policy.hpp>
#include <cueball/resolver.hpp>

#include "operation.hpp"
#include "scheduler.hpp"

namespace cueball::laws::shell {

class world;
struct link;
struct wait;

/// Thrown by what the script lets fail.
struct scripted_failure {};

/// Move-only, and not default-constructible. Empty after a move.
class connection {
 public:
  connection(world& of, const backend& where);
  connection(connection&& other) noexcept;
  connection& operator=(connection&&) = delete;
  ~connection();

  template <class Token>
  auto async_connect(Token&& token) {
    begin_connect();
    return boost::asio::async_initiate<Token, void(error_code)>(
        [this](auto handler) {
          on_cancel(handler, [of = world_, which = link_] { cancel_connect(*of, *which); });
          connecting(keep_operation(std::move(handler)));
        },
        token);
  }

  template <class Token>
  auto async_wait_broken(Token&& token) {
    begin_watch();
    return boost::asio::async_initiate<Token, void(error_code)>(
        [this](auto handler) { watching(keep_operation(std::move(handler))); }, token);
  }

  template <class Token>
  auto async_check(Token&& token) {
    begin_check();
    return boost::asio::async_initiate<Token, void(error_code)>(
        [this](auto handler) {
          on_cancel(handler, [of = world_, which = link_] { cancel_check(*of, *which); });
          checking(keep_operation(std::move(handler)));
        },
        token);
  }

  void close() noexcept;
  bool is_open() const noexcept;

  link& of() const noexcept { return *link_; }

 private:
  void begin_connect();
  void connecting(std::unique_ptr<operation> what);
  static void cancel_connect(world& of, link& which);
  void begin_check();
  void checking(std::unique_ptr<operation> what);
  static void cancel_check(world& of, link& which);
  void begin_watch();
  void watching(std::unique_ptr<operation> what);

  world* world_;
  link* link_;
};

using lease_type = lease<connection>;

class resolver {
 public:
  explicit resolver(world& of) : world_(&of) {}

  template <class Token>
  auto async_run(resolver_sink sink, Token&& token) {
    begin();
    return boost::asio::async_initiate<Token, void(error_code)>(
        [this, sink](auto handler) {
          on_cancel(handler, [of = world_] { cancel(*of); });
          running(sink, keep_operation(std::move(handler)));
        },
        token);
  }

 private:
  void begin();
  void running(const resolver_sink& sink, std::unique_ptr<operation> what);
  static void cancel(world& of);

  world* world_;
};

/// Of an asynchronous operation of the pool. Its executor has the number of the wait as a tag.
class handler {
 public:
  using executor_type = scheduler::executor_type;
  using cancellation_slot_type = boost::asio::cancellation_slot;

  handler(world& of, wait& what) noexcept;
  handler(handler&& other);
  handler& operator=(handler&&) = delete;
  ~handler();

  executor_type get_executor() const noexcept;
  cancellation_slot_type get_cancellation_slot() const noexcept;

  void operator()(error_code error, lease_type claimed) &&;
  void operator()(error_code error) &&;
  void operator()(error_code error, std::size_t left) &&;

 private:
  world* world_;
  wait* wait_;
};

enum class told : std::uint8_t {
  claimed,
  released,
  connected,
  connect_failed,
  closed,
  backends,
  resolver_failed,
  rebalanced,
  shuffled,
  state
};

/// Hears of everything.
class witness {
 public:
  using category = observer_policy;
  static constexpr std::string_view name = "shell::witness";

  explicit witness(world& of) noexcept : world_(&of) {}

  void on(const claimed_event&) noexcept { hear(told::claimed); }
  void on(const released_event&) noexcept { hear(told::released); }
  void on(const connected_event&) noexcept { hear(told::connected); }
  void on(const connect_failed_event&) noexcept { hear(told::connect_failed); }
  void on(const closed_event&) noexcept { hear(told::closed); }
  void on(const backend_added_event&) noexcept { hear(told::backends); }
  void on(const backend_changed_event&) noexcept { hear(told::backends); }
  void on(const backend_removed_event&) noexcept { hear(told::backends); }
  void on(const backend_dead_event&) noexcept { hear(told::backends); }
  void on(const backend_alive_event&) noexcept { hear(told::backends); }
  void on(const resolver_failed_event&) noexcept { hear(told::resolver_failed); }
  void on(const plan_failed_event&) noexcept {}
  void on(const rebalanced_event&) noexcept { hear(told::rebalanced); }
  void on(const shuffled_event&) noexcept { hear(told::shuffled); }
  void on(const state_changed_event& event) noexcept { hear(told::state, event.state); }

 private:
  void hear(told what, pool_state state = {}) noexcept;

  world* world_;
};

}  // namespace cueball::laws::shell
