// SPDX-License-Identifier: BSL-1.0
/// \file
/// What a scenario plays in: a pool, with all that it calls.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

#include <boost/asio/associated_cancellation_slot.hpp>

#include <cueball/decoherence/never.hpp>
#include <cueball/decoherence/periodic.hpp>
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

  /// No pool has a copy.
  bool is_alone() const noexcept { return state_.use_count() == 1; }

  void add(std::uint16_t port) { state_->sink->added({"127.0.0.1", port}); }
  void remove(std::uint16_t port) { state_->sink->removed(cueball::backend{"127.0.0.1", port}); }

 private:
  struct state {
    std::optional<cueball::resolver_sink> sink;
    std::function<void()> cancel;
  };

  std::shared_ptr<state> state_ = std::make_shared<state>();
};

/// For a claim that may be stopped.
class stopper {
 public:
  std::stop_token token() const { return source_.get_token(); }

  void request() {
    busy_ = true;
    source_.request_stop();
    busy_ = false;
  }

  /// A `std::stop_callback` that runs on another thread is waited for before it is destroyed. The standard
  /// library tells threads by their ids, and all of the explorer's have one: the parker waits in its place.
  const bool* gate() const noexcept { return &busy_; }

 private:
  std::stop_source source_;
  bool busy_ = false;
};

/// A pool whose connections are all up and idle. What has to hold always is checked whenever its mutex was
/// unlocked.
template <class Schedule, class... Policies>
class basic_world {
 public:
  using pool_type = cueball::pool<connection, Schedule, Policies...>;
  using lease = cueball::lease<connection>;

  explicit basic_world(std::uint32_t connections = 1, std::initializer_list<std::uint16_t> ports = {1},
                       std::size_t executor_threads = 1)
      : context{executor_threads} {
    connection::alive = 0;
    pool.emplace(
        context, names,
        cueball::pool_options{
            .max_connections = connections, .rebalance_delay = std::chrono::milliseconds{1}, .seed = 1},
        schedule());
    all.pass(duration::zero());
    for (const auto port : ports) names.add(port);
  }

  basic_world(const basic_world&) = delete;

  /// Lets what the pool left on its executor end: it would keep itself alive there.
  ~basic_world() {
    pool.reset();
    settle();
  }

  /// Lets the pool become whole, without any choice.
  void fill() {
    settle();
    check_whole(0);
  }

  /// A lease to begin with.
  lease take() {
    auto taken = pool->try_claim();
    all.check(bool{taken}, "there is a connection to begin with");
    return taken;
  }

  void go(std::vector<thread> threads, duration horizon = duration::zero()) {
    begun_.resize(threads.size());
    (void)pool->state();
    all.watch(all.last_locked(), [this](bool again) {
      if (pool && (!again || follows_order_)) look();
    });
    all.go(std::move(threads), horizon);
  }

  /// Until nothing is left to do but at deadlines that are far away.
  void settle() { all.pass(std::chrono::milliseconds{10}); }

  /// Everything is over; so many leases are out.
  void check_whole(std::uint32_t claimed) {
    const auto stats = pool->stats();
    check_counts(stats);
    const auto wanted = pool->options().max_connections;
    all.check(stats.waiters == 0, "R8: a waiter is left");
    all.check(stats.slots.claimed == claimed, "R14: what is claimed is not what leases are out");
    all.check(stats.slots.idle + claimed == wanted && stats.slots.total() == wanted,
              "R1: the pool is not whole again");
  }

  /// The pool was stopped or is gone, and no lease is out.
  void check_nothing_left() {
    settle();
    if (pool) all.check(pool->stats().slots.total() == 0, "R15: a connection is left in a pool that stopped");
    pool.reset();
    settle();
    all.check(connection::alive == 0, "R15: a connection outlives its pool");
    all.check(names.is_alone(), "R15: something of the pool outlives it and its leases");
  }

  // The order of claims (R8), for threads that claim once and hold what they get for a while, of a pool that
  // has one connection.

  /// The calling thread is about to claim.
  void begin_claim() {
    follows_order_ = true;
    begun_[all.who()] = ++order_;
  }

  /// It was served.
  void served() {
    const auto who = all.who();
    for (const auto& [other, arrived] : arrivals_) {
      if (other == who) break;
      all.check(arrived > begun_[who] && !has_arrived(who),
                "R8: a claim is served before one that arrived earlier");
    }
    std::erase_if(arrivals_, [who](const arrival& each) { return each.who == who; });
  }

  scheduler& all = scheduler::get();
  explorer::context context;
  resolver names;
  std::optional<pool_type> pool;

 private:
  static Schedule schedule() {
    Schedule made;
    if constexpr (requires { made.interval; }) made.interval = std::chrono::milliseconds{1};
    return made;
  }

  struct arrival {
    std::size_t who;
    std::uint64_t when;
  };

  bool has_arrived(std::size_t who) const {
    return std::any_of(arrivals_.begin(), arrivals_.end(),
                       [who](const arrival& each) { return each.who == who; });
  }

  void look() {
    const auto stats = pool->stats();
    check_counts(stats);
    // Where releases take no lock, one may be in progress that will look after the waiter.
    if (stats.state == cueball::pool_state::running &&
        !cueball::shares_front<typename pool_type::policies::threading>)
      all.check(stats.waiters == 0 || stats.slots.idle == 0, "R8: an idle connection lies beside a waiter");
    if (follows_order_ && stats.waited > waited_) arrivals_.push_back({all.who(), ++order_});
    waited_ = stats.waited;
  }

  void check_counts(const cueball::pool_stats& stats) {
    cueball::slot_counts sum;
    for (const auto& row : stats.backends) {
      sum += row.slots;
      all.check(row.counters.opened == row.counters.closed + row.slots.total(),
                "R14: a backend's opened are not its closed and its present ones");
    }
    all.check(sum == stats.slots, "R14: the rows are not the sums");
    all.check(stats.counters.opened == stats.counters.closed + stats.slots.total(),
              "R14: opened is not closed and total");
    all.check(static_cast<int>(stats.slots.idle + stats.slots.claimed) <= connection::alive,
              "R14: more connections are counted than there are");
  }

  bool follows_order_ = false;
  std::uint64_t order_ = 0;
  std::uint64_t waited_ = 0;
  std::vector<std::uint64_t> begun_;
  std::vector<arrival> arrivals_;
};

template <class... Policies>
using world = basic_world<cueball::decoherence::never, Policies...>;

/// Its idle connections are shuffled every millisecond.
template <class... Policies>
using shuffled_world = basic_world<cueball::decoherence::periodic, Policies...>;

}  // namespace explorer
