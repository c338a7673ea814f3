// SPDX-License-Identifier: BSL-1.0
/// \file
/// A connection set in virtual time: what it meets, its user, and what he holds against it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <iosfwd>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <rapidcheck.h>

#include <cueball/backend.hpp>
#include <cueball/connection_set_options.hpp>
#include <cueball/pool_stats.hpp>
#include <cueball/random.hpp>
#include <cueball/resolver.hpp>
#include <cueball/set_member.hpp>

#include <shell/operation.hpp>
#include <shell/scheduler.hpp>

namespace cueball::laws::set {

using shell::operation;
using shell::scheduler;
using shell::virtual_clock;

struct setting {
  bool lock_free = false;   ///< With `threads`.
  bool threads = false;     ///< Any thread may call, and ready handlers run in any order.
  bool dispatches = false;  ///< What is dispatched runs at once.
  bool prompt = false;      ///< The user hears of every change at once, and not only when he asks.
  std::uint64_t seed = 0;
  std::uint32_t target = 2;
  std::uint32_t warm = 0;  ///< So many backends are known, and the set is whole, before the script begins.
  std::uint32_t per_pool = 4;
  std::uint32_t rebalance_ms = 10;
  std::uint32_t timeout_ms = 50;
  std::uint32_t max_delay_ms = 400;
  std::uint32_t lifetime_ms = 0;  ///< 0: no limit.
  std::uint32_t decoherence_ms = 1000;

  connection_set_options options() const;
};

enum class op_kind : std::uint8_t {
  run,   ///< One handler that is ready.
  tick,  ///< All that is ready; then time goes on to whatever is next, and that as well.
  wait,  ///< Time goes on while handlers stay where they are.
  fire,  ///< Timers that are due become ready.
  add,
  remove,
  mode,  ///< How a backend behaves from now on.
  next,
  take,
  cancel,
  let_go,
  release,
  broken,
  cut,      ///< A connection breaks.
  give_up,  ///< The resolver's run ends.
  fail,     ///< The resolver says that it failed.
  invalidate,
  target,
  stop,  // in scripts with an end only
  async_stop,
};

struct op {
  op_kind kind{};
  std::uint8_t a = 0;
};

using script = std::vector<op>;

std::ostream& operator<<(std::ostream& out, const setting& shown);
std::ostream& operator<<(std::ostream& out, const op& shown);

rc::Gen<setting> any_setting();

/// What may happen in a script.
enum class happens { anything, stops, growth };
rc::Gen<script> any_script(double length, happens with);

class world;

/// One connection, from its making on.
struct link {
  std::uint32_t number = 0;
  std::uint16_t port = 0;
  bool alive = true;
  bool up = false;
  bool cut = false;
  bool closed = false;
  bool added = false;     ///< As the user heard.
  bool removed = false;   ///< Likewise.
  bool released = false;  ///< By the user.
  std::unique_ptr<operation> connect;
  std::unique_ptr<operation> end;
};

class connection {
 public:
  connection(world& of, const backend& where);
  connection(connection&& other) noexcept;
  connection& operator=(connection&&) = delete;
  ~connection();

  template <class Token>
  auto async_connect(Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code)>(
        [this](auto handler) {
          shell::on_cancel(handler, [of = world_, its = link_] { cancel(*of, *its); });
          connecting(shell::keep_operation(std::move(handler)));
        },
        token);
  }

  template <class Token>
  auto async_wait_ended(Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code)>(
        [this](auto handler) { watching(shell::keep_operation(std::move(handler))); }, token);
  }

  void close() noexcept;
  bool is_open() const noexcept { return link_->up && !link_->closed; }

  link& of() const noexcept { return *link_; }

 private:
  void connecting(std::unique_ptr<operation> what);
  static void cancel(world& of, link& its);
  void watching(std::unique_ptr<operation> what);

  world* world_;
  link* link_;
};

class resolver {
 public:
  explicit resolver(world& of) : world_(&of) {}

  template <class Token>
  auto async_run(resolver_sink sink, Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code)>(
        [this, sink](auto handler) {
          shell::on_cancel(handler, [of = world_] { cancel(*of); });
          running(sink, shell::keep_operation(std::move(handler)));
        },
        token);
  }

 private:
  void running(const resolver_sink& sink, std::unique_ptr<operation> what);
  static void cancel(world& of);

  world* world_;
};

using member = set_member<connection>;
using change = set_change<connection>;

/// A set of any composition.
class any_set {
 public:
  virtual ~any_set() = default;
  virtual std::optional<change> try_next() = 0;
  virtual void async_next(scheduler::executor_type on, boost::asio::cancellation_slot cancel,
                          std::function<void(error_code, change)> done) = 0;
  virtual std::vector<member> members() const = 0;
  virtual void request_stop() = 0;
  virtual void async_stop(duration length, scheduler::executor_type on,
                          std::function<void(error_code, std::size_t)> done) = 0;
  virtual void invalidate() = 0;
  virtual void set_target(std::uint32_t target) = 0;
  virtual pool_stats stats() const = 0;
};

class world {
 public:
  explicit world(const setting& what);
  ~world();

  /// Throws `rule_broken`.
  void play(const script& ops);

  /// All that is ready is done, and what that causes.
  void settle();
  void pass(duration length);

  /// Some backends can be reached from now on and the others cannot; then the set must become whole within
  /// the time that the rules give it.
  void heal(std::uint32_t unreachable);

  /// The same news as often as one likes, within one delay.
  void burst(const std::vector<std::uint8_t>& ports);

  void request_stop();
  void stop_and_finish();
  void destroy_and_finish();

  /// The user hears of what there is to hear.
  void hear_all();
  std::size_t members() const noexcept { return members_.size(); }
  std::size_t known() const noexcept;
  std::uint64_t rebalances() const { return set_->stats().rebalances; }

  /// From now on he is never to have fewer members than before.
  bool never_fewer = false;

  bool has_stopped() const noexcept { return stopping_; }
  void must(bool holds, const char* rule);

 private:
  friend class connection;
  friend class resolver;

  enum class manner : std::uint8_t { accepts, refuses, hangs, slow };

  struct site {
    manner how = manner::accepts;
    bool known = false;
  };

  void demand(bool holds, const char* rule) noexcept;
  void user_call() noexcept;
  void step(const op& one);
  void run_one();
  bool is_over() const noexcept { return broken_ != nullptr; }

  void begin_next();
  /// \param at_once he asked just now.
  void heard(change what, bool at_once);
  void let_go(std::size_t which, bool at_once);
  void add(std::uint16_t port);
  void remove(std::uint16_t port);
  void answer(link& its, error_code error);
  void end(link& its);
  void end_run(error_code error);
  duration time_to_heal() const;
  void finish();

  static constexpr std::uint16_t ports = 5;

  setting setting_;
  std::uint32_t target_ = setting_.target;
  random_source random_;
  const char* broken_ = nullptr;
  std::unique_ptr<scheduler> scheduler_;
  std::map<std::uint16_t, site> sites_;
  std::deque<link> links_;
  std::vector<std::pair<time_point, link*>> slow_;
  std::optional<resolver_sink> sink_;
  std::unique_ptr<operation> run_;
  std::shared_ptr<int> life_ = std::make_shared<int>();

  // The user.
  std::size_t fewest_ = 0;                ///< Members that he has had.
  std::map<std::string, link*> members_;  ///< Of which he has heard that they were added, and not removed.
  std::vector<member> held_;              ///< His handles.
  bool waits_ = false;                    ///< For a change.
  error_code last_{};                     ///< How his last wait ended.
  boost::asio::cancellation_signal signal_;
  bool stopping_ = false;
  time_point stop_deadline_ = never_comes;  ///< The first of his stops'.
  int stops_ = 0;                           ///< Of his, pending.
  bool dropping_ = false;                   ///< The world ends.
  std::unique_ptr<any_set> set_;
};

}  // namespace cueball::laws::set
