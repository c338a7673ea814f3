// SPDX-License-Identifier: BSL-1.0
/// \file
/// The world around a shipped pool: it owns the time and the order, plays a script, keeps a ledger of what
/// the pool did to the outside, and checks the laws that can be seen from there.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <boost/asio/cancellation_signal.hpp>

#include <cueball/pool_stats.hpp>
#include <cueball/random.hpp>

#include "any_pool.hpp"
#include "outside.hpp"
#include "scheduler.hpp"
#include "setting.hpp"
#include "threading.hpp"

namespace cueball::laws::shell {

/// One connection that was made.
struct link {
  std::uint32_t number = 0;
  std::uint16_t port = 0;
  std::unique_ptr<operation> connect, watch, check;
  bool alive = true;    ///< Not yet destroyed.
  bool open = false;    ///< What it says of itself.
  bool up = false;      ///< It was connected, and the pool was told.
  bool closed = false;  ///< `close` was called.
  bool cut = false;     ///< The peer is gone.
  bool held = false;    ///< By a lease.
  bool detached = false;
  bool stubborn = false;   ///< Its connect does not end when it is cancelled or closed.
  bool cancelled = false;  ///< The pool wants its connect, or its check, to end.
  bool started = false;    ///< `async_connect` was called.
  std::uint32_t claims = 0;
  std::uint32_t watched_at = 0;  ///< `claims` when the watch was armed.
  std::uint32_t fires = 0;       ///< Of watches, one after the other, without a claim between.
  bool known_broken = false;     ///< The pool was told twice.
};

/// One operation of the pool that may have to wait.
struct wait {
  enum class kind : std::uint8_t { claim, blocking, ready, stop };
  enum class act : std::uint8_t {
    keep,
    release,
    discard,
    claim_again,
    release_first,
    throw_on_move,
    throw_inside,
    stop,
    destroy
  };

  std::uint32_t number = 0;
  kind what{};
  act then = act::keep;
  time_point began{};
  time_point deadline{};
  bool initiating = true;
  bool throws_on_move = false;
  std::uint64_t delivered = 0;  ///< The moment (a count) at which the pool ended it; 0 before.
  time_point delivered_at{};
  bool cancelled = false;  ///< Before it ended.
  bool completed = false;
  bool dropped = false;
  bool after_stop = false;  ///< It was delivered when the pool had been told to stop.
  int handlers = 0;
  boost::asio::cancellation_signal signal;
  std::stop_source source;
};

class world final : parking {
 public:
  /// \param told whether to write a history
  explicit world(const setting& what, bool with_history = false);
  ~world() override;

  /// Plays it. Throws `rule_broken` after the step that broke one.
  void play(const script& ops, endings with = endings::none);

  /// Everything outside gets well; then the pool must become whole within the time that the rules give it.
  void heal();

  /// Stops the pool; then nothing must be left of it.
  void stop_and_finish();

  /// Destroys the pool, as it is; then `rest` happens to what is left, and nothing must stay.
  void destroy_and_finish(const script& rest);

  /// Destroys the pool, as it is, and then its context, with all that is pending there.
  void drop_everything();

  const std::string& history() const noexcept { return history_; }

  /// Of all that the pool did.
  std::uint64_t fingerprint() const noexcept { return fingerprint_; }

  // For what the pool meets.

  std::shared_ptr<int> life() const noexcept { return life_; }
  void begin_make(const backend& where);

 private:
  friend class connection;
  friend class resolver;
  friend class handler;
  friend class witness;

  enum class manner : std::uint8_t {
    accepts,
    refuses,
    hangs,
    slow,
    make_throws,
    constructor_throws,
    connect_throws,
    dead_on_arrival,
    stubborn,
    watch_throws
  };

  enum class resolver_manner : std::uint8_t {
    announces,
    announces_half,
    says_nothing,
    throws,
    ends_at_once,
    ends_unannounced,
    hangs_when_cancelled
  };

  struct site {
    manner how = manner::accepts;
    bool known = false;  ///< As the resolver sees it.
    std::uint32_t weight = 1;
    std::uint32_t priority = 0;
  };

  struct happening {
    time_point when;
    std::function<void()> what;
  };

  // Notes.
  void demand(bool holds, const char* rule) noexcept;
  void tell(const std::string& what);
  void mark(std::uint64_t what) noexcept;
  void user_call(const char* what) noexcept;

  // The script.
  void step(const op& one);
  void settle();
  void run_one(std::size_t which);
  void check();
  void check_quiet();
  void throw_if_broken();

  void tick(time_point most = never_comes);
  void move_to(time_point when);
  time_point next_happening() const noexcept;
  void happen();
  void after_a_while(duration length, std::function<void()> what);

  wait& begin_wait(wait::kind what, time_point deadline, wait::act then);
  bool is_claim(const wait& its) const noexcept;
  std::uint32_t waiting() const noexcept;
  std::uint32_t in_flight() const noexcept;
  wait::act act_of(std::uint32_t a, std::uint32_t b) const noexcept;
  void claim(std::uint32_t which_deadline, wait::act then);
  void cancel(wait& its, boost::asio::cancellation_type how);
  void try_claim();
  void block(std::uint32_t which_deadline);
  /// A thread that was about to claim did not have to wait.
  void served_at_once();
  void release(std::size_t which, std::uint32_t how);
  void end_lease(lease_type& held, std::uint32_t how);
  void answer_check(link& its, error_code error);
  void answer(link& its, error_code error, bool open);
  void fire_watch(link& its, error_code error);
  void call_from_a_hook(int what);
  void destroy();
  void request_stop();
  void settle_outside();
  const char* what_is_missing() const;
  void finish();

  // The resolver.
  backend describe(std::uint16_t port) const;
  void announce(const resolver_sink& sink, bool half);
  void end_run(error_code error);

  // What happened.
  void took(lease_type& got, const char* how);
  void delivered(std::uint32_t number);
  void completed(wait& its, error_code error, lease_type got);
  void completed(wait& its, error_code error);
  void completed(wait& its, error_code error, std::size_t left);
  void note_completed(wait& its, error_code error);
  void dropped(wait& its) noexcept;

  // Parking.
  std::uint32_t begin() override;
  void unpark(std::uint32_t thread) noexcept override;
  bool park_until(std::uint32_t thread, time_point deadline) override;

  static constexpr std::uint16_t ports = 5;

  setting setting_;
  bool with_history_;
  std::string history_;
  std::string broken_;
  std::uint64_t fingerprint_ = 0;
  random_source random_;
  std::shared_ptr<int> life_ = std::make_shared<int>();

  std::deque<link> links_;
  std::vector<link*> alive_;  ///< Of these, those that the pool has.
  std::deque<wait> waits_;
  std::vector<wait*> open_;  ///< Of these, those that did not complete.
  std::deque<happening> happenings_;
  std::map<std::uint16_t, site> sites_;
  std::vector<lease_type> leases_;
  std::vector<connection> detached_;

  std::uint64_t refused_ = 0;
  resolver_manner resolver_manner_ = resolver_manner::announces;
  std::unique_ptr<operation> run_;
  bool run_cancelled_ = false;
  std::optional<resolver_sink> sink_;
  std::vector<resolver_sink> old_sinks_;

  endings endings_ = endings::none;
  const script* script_ = nullptr;
  std::size_t at_ = 0;
  int parked_ = 0;
  wait* blocking_ = nullptr;  ///< The claim of a thread that may be about to wait.
  int hook_ = 0;
  int hearing_ = 0;
  std::uint64_t moment_ = 0;
  std::uint64_t heard_claims_ = 0, heard_releases_ = 0, ended_leases_ = 0;
  pool_state heard_state_ = pool_state::starting;
  bool stopping_ = false;  ///< The pool was told to stop.
  bool gone_ = false;      ///< The pool was destroyed.
  bool over_ = false;      ///< No user call may come any more.
  bool dropping_ = false;  ///< The context goes, and handlers with it.

  std::unique_ptr<scheduler> scheduler_;
  std::unique_ptr<any_pool> pool_;
};

/// Plays a case. A broken rule becomes an exception that says which, with the history of a second run.
void check_run(const setting& what, const std::function<void(world&)>& play);

}  // namespace cueball::laws::shell
