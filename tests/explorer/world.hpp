// SPDX-License-Identifier: BSL-1.0
/// \file
/// What a scenario plays in: a pool, with all that it calls.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>

#include <boost/asio/associated_cancellation_slot.hpp>

#include <cueball/decoherence/never.hpp>
#include <cueball/pool.hpp>

#include "explorer/executor.hpp"

namespace explorer {

/// Connects at once, and sees to it that nothing of it is called under a lock.
class connection {
 public:
  connection(const asio::any_io_executor&, const cueball::backend&) {
    scheduler::get().user_code("make");
    ++alive;
  }

  connection(connection&& other) noexcept : open_(std::exchange(other.open_, false)) {
    scheduler::get().user_code("a move");
    ++alive;
  }

  ~connection() {
    scheduler::get().user_code("a destructor");
    --alive;
  }

  template <class Token>
  auto async_connect(Token&& token) {
    scheduler::get().user_code("connect");
    return asio::async_initiate<Token, void(cueball::error_code)>(
        [this](auto handler) {
          open_ = true;
          asio::post(asio::append(std::move(handler), cueball::error_code{}));
        },
        token);
  }

  void close() noexcept {
    scheduler::get().user_code("close");
    open_ = false;
  }

  bool is_open() const noexcept { return open_; }

  static inline int alive = 0;

 private:
  bool open_ = false;
};

/// Hears everything, and says nothing.
struct witness {
  using category = cueball::observer_policy;
  static constexpr std::string_view name = "explorer::witness";

  template <class Event>
  void on(const Event&) noexcept {
    scheduler::get().user_code("an observer's hook");
  }
};

/// Announces what it is told, until it is cancelled. A copy tells the same pool.
class resolver {
 public:
  template <class Token>
  auto async_run(cueball::resolver_sink sink, Token&& token) {
    scheduler::get().user_code("the resolver");
    return asio::async_initiate<Token, void(cueball::error_code)>(
        [this, &sink](auto handler) {
          state_->sink = std::move(sink);
          state_->sink->round_done();
          auto slot = asio::get_associated_cancellation_slot(handler);
          state_->cancel = [handler = std::make_shared<decltype(handler)>(std::move(handler))] {
            asio::post(
                asio::append(std::move(*handler), cueball::error_code{asio::error::operation_aborted}));
          };
          slot.assign([state = state_.get()](asio::cancellation_type) {
            state->sink.reset();
            std::exchange(state->cancel, nullptr)();
          });
        },
        token);
  }

  void add(std::uint16_t port) { state_->sink->added({"127.0.0.1", port}); }
  void remove(std::uint16_t port) { state_->sink->removed(cueball::backend{"127.0.0.1", port}); }

 private:
  struct state {
    std::optional<cueball::resolver_sink> sink;
    std::function<void()> cancel;
  };

  std::shared_ptr<state> state_ = std::make_shared<state>();
};

/// A pool that is up, every connection idle. Its rules are checked whenever no lock is held.
template <class... Policies>
class world {
 public:
  using pool_type = cueball::pool<connection, cueball::decoherence::never, Policies...>;

  explicit world(std::uint32_t connections = 1, std::size_t executor_threads = 1)
      : context{executor_threads} {
    connection::alive = 0;
    pool.emplace(
        context, names,
        cueball::pool_options{
            .max_connections = connections, .rebalance_delay = std::chrono::milliseconds{1}, .seed = 1});
    all.pass(duration::zero());
    names.add(1);
    settle();
    check_whole(0);
    all.watch([this](bool again) {
      if (!again && pool) check_snapshot();
    });
  }

  cueball::lease<connection> take() {
    auto taken = pool->try_claim();
    all.check(bool{taken}, "there is a connection to begin with");
    return taken;
  }

  /// Until nothing is to be done any more but at deadlines far away.
  void settle() { all.pass(std::chrono::milliseconds{10}); }

  /// What holds whenever no lock is held.
  void check_snapshot() {
    const auto stats = pool->stats();
    check_counts(stats);
    if (stats.state == cueball::pool_state::running)
      all.check(stats.waiters == 0 || stats.slots.idle == 0, "R8: an idle connection lies beside a waiter");
  }

  /// What holds once everything is over, and `claimed` leases are out.
  void check_whole(std::uint32_t claimed) {
    const auto stats = pool->stats();
    check_counts(stats);
    all.check(stats.waiters == 0, "R8: a waiter is left");
    all.check(stats.slots.claimed == claimed, "R14: leases are not what is claimed");
    all.check(stats.slots.idle + claimed == pool->options().max_connections &&
                  stats.slots.total() == pool->options().max_connections,
              "R1: the pool is not whole");
  }

  scheduler& all = scheduler::get();
  explorer::context context;
  resolver names;
  std::optional<pool_type> pool;

 private:
  void check_counts(const cueball::pool_stats& stats) {
    cueball::slot_counts sum;
    for (const auto& row : stats.backends) {
      sum.idle += row.slots.idle;
      sum.claimed += row.slots.claimed;
      sum.checking += row.slots.checking;
      sum.connecting += row.slots.connecting;
      sum.closing += row.slots.closing;
      all.check(row.counters.opened == row.counters.closed + row.slots.total(),
                "R14: a backend's opened are not its closed and its present ones");
    }
    all.check(sum == stats.slots, "R14: the rows are not the sums");
    all.check(stats.counters.opened == stats.counters.closed + stats.slots.total(),
              "R14: opened is not closed and total");
    all.check(static_cast<int>(stats.slots.idle + stats.slots.claimed) <= connection::alive,
              "R14: more connections are counted than there are");
  }
};

}  // namespace explorer
