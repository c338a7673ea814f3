// SPDX-License-Identifier: BSL-1.0
/// \file
/// The shell: tells the core what happens, and does what the core decides.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <source_location>
#include <stop_token>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution/blocking.hpp>
#include <boost/asio/execution/relationship.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/require.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>

#include <cueball/claim_report.hpp>
#include <cueball/claim_site.hpp>
#include <cueball/connection.hpp>
#include <cueball/core/pool_core.hpp>
#include <cueball/deadline.hpp>
#include <cueball/detail/fork_watch.hpp>
#include <cueball/detail/resolver_runner.hpp>
#include <cueball/detail/runtime.hpp>
#include <cueball/detail/seat.hpp>
#include <cueball/detail/seed.hpp>
#include <cueball/detail/waiters.hpp>
#include <cueball/detail/what.hpp>
#include <cueball/lease.hpp>
#include <cueball/pool_options.hpp>
#include <cueball/pool_stats.hpp>

namespace cueball::detail {

/// Which executors a pool lives on.
struct places {
  boost::asio::any_io_executor user;    ///< For connections and completions.
  boost::asio::any_io_executor serial;  ///< For the inner steps, one at a time.
  std::optional<boost::asio::strand<boost::asio::any_io_executor>> strand;  ///< `serial`, if it is one.
  std::shared_ptr<runtime> own;  ///< The pool's own thread, if no executor was given.

  template <class Threading>
  static places on(boost::asio::any_io_executor user) {
    if constexpr (Threading::concurrent) {
      boost::asio::strand<boost::asio::any_io_executor> strand{user};
      return {user, strand, strand, nullptr};
    } else {
      return {user, user, std::nullopt, nullptr};
    }
  }

  static places of_its_own() {
    auto own = std::make_shared<runtime>();
    const boost::asio::any_io_executor executor = own->context().get_executor();
    return {executor, executor, std::nullopt, std::move(own)};
  }

  /// Would waiting here keep the inner steps from being done?
  bool is_here() const noexcept {
    return own ? own->is_this_thread() : strand && strand->running_in_this_thread();
  }
};

/// Who has the connections of a pool for as long as it wants them.
class keeper {
 public:
  virtual ~keeper() = default;

  /// On the serial executor: it is to be let go, in the keeper's own time.
  virtual void recall(core::slot_id which, const backend& where, close_reason why) noexcept = 0;

  /// See `forkable`.
  virtual void before_fork() noexcept = 0;
  virtual void after_fork() noexcept = 0;
};

/// What there is of a pool behind its handle. It outlives the handle while leases or operations are out.
///
/// Locking: the core is called under `mutex_` (its front under the fast mutex, which is a view of it);
/// waiters are delivered and effects performed outside. Effects are performed by `drain`, of which one at
/// most is posted or running, on the serial executor.
template <class Connection, class Policies>
class engine final : public lease_home,
                     public forkable,
                     public std::enable_shared_from_this<engine<Connection, Policies>> {
 public:
  using threading = typename Policies::threading;
  using observer_type = typename Policies::observer;
  using core_type = core::pool_core<Policies, seat<Connection>>;
  using slot_type = typename core_type::slot_type;
  using clock = typename threading::clock;
  using site = claim_site_for<observer_type>;

  engine(places where, maker<Connection> make, const pool_options& options,
         const typename Policies::queue& queue, const typename Policies::rebalance& rebalance,
         const typename Policies::decoherence& decoherence, observer_type observer, bool is_kept = false)
      : places_(std::move(where)),
        completions_(
            boost::asio::prefer(boost::asio::require(places_.user, boost::asio::execution::blocking.never),
                                boost::asio::execution::relationship.fork)),
        make_(std::move(make)),
        options_(options),
        observer_(std::move(observer)),
        core_(options, queue, rebalance, decoherence,
              {.be_watched = watched_connection<Connection> && !is_kept,
               .be_checked = checked_connection<Connection> && !is_kept,
               .be_reset = resettable_connection<Connection> && !is_kept,
               .be_recalled = is_kept,
               .be_single = is_kept},
              seed_of(options.seed)),
        timer_(places_.serial) {
    if constexpr (!async_connection<Connection>) {
      workers_.emplace(options.max_connecting.per_pool);
      if constexpr (checked_connection<Connection> || resettable_connection<Connection>)
        testers_.emplace(options.max_connecting.per_pool);
    }
  }

  /// \param keeper of the connections, if there is one.
  template <class Resolver>
  void start(Resolver resolver, std::unique_ptr<keeper> of = nullptr) {
    keeper_ = std::move(of);
    if constexpr (async_resolver<Resolver>)
      resolver_ = std::make_unique<async_runner<Resolver>>(std::move(resolver), places_.serial);
    else
      resolver_ = std::make_unique<blocking_runner<Resolver>>(std::move(resolver), places_.serial);
    target_ = std::make_shared<target>(this->shared_from_this());
    if (options_.on_fork == fork_policy::abandon) fork_watch::add(*this);
    if (places_.own) places_.own->start();
    with_book([this] { core_.start(clock::now()); });
  }

  const boost::asio::any_io_executor& executor() const noexcept { return places_.user; }
  const pool_options& options() const noexcept { return options_; }
  observer_type& observer() noexcept { return observer_; }

  /// What keeps the engine alive for an operation: a share of it, or nothing where the operations end with
  /// the engine's own context.
  std::shared_ptr<engine> share() {
    if (places_.own) return {std::shared_ptr<void>{}, this};
    return this->shared_from_this();
  }

  // Claims.

  /// The good case: an idle connection, and nobody waits. Null otherwise.
  slot_type* take() noexcept {
    typename threading::fast_mutex fast{mutex_};
    const std::scoped_lock lock{fast};
    return core_.try_take();
  }

  lease<Connection> lease_of(slot_type& slot, site where) noexcept {
    core_type::note_claim(slot, where);
    return lease_of(slot);
  }

  /// Where it was claimed was noted before.
  lease<Connection> lease_of(slot_type& slot) noexcept {
    if constexpr (!ignores_leases<observer_type>) observer_.on(claimed_event{*core_.where(slot)});
    return lease_access::make<Connection>(*this, slot);
  }

  /// `take` past the gate.
  [[gnu::cold, gnu::noinline]] lease<Connection> try_claim_slowly(error_code& why, site where) noexcept {
    slot_type* slot = nullptr;
    {
      const std::scoped_lock lock{mutex_};
      slot = core_.try_claim(why);
    }
    return slot ? lease_of(*slot, where) : lease<Connection>{};
  }

  [[gnu::cold, gnu::noinline]] lease<Connection> try_claim_slowly(site where) noexcept {
    error_code ignored;
    return try_claim_slowly(ignored, where);
  }

  /// Waits until a connection is granted.
  [[gnu::noinline]] lease<Connection> claim_slowly(deadline until, const std::stop_token& stop,
                                                   error_code& error, site where) {
    if (places_.is_here()) {
      error = errc::would_deadlock;
      return {};
    }
    blocking_waiter<typename threading::parker> waiter;
    wait(waiter, stop, until, [&](time_point when, time_point now) { core_.claim(waiter, when, now); });
    error = waiter.error;
    return waiter.granted ? lease_of(slot_of(waiter), where) : lease<Connection>{};
  }

  [[gnu::noinline]] lease<Connection> claim_slowly(deadline until, const std::stop_token& stop,
                                                   claim_report& report, site where) {
    if (places_.is_here()) {
      report = {};
      report.error = errc::would_deadlock;
      report.pool = stats();
      return {};
    }
    blocking_waiter<typename threading::parker> waiter;
    wait(waiter, stop, until, [&](time_point when, time_point now) { core_.claim(waiter, when, now); });
    describe(waiter, report);
    return waiter.granted ? lease_of(slot_of(waiter), where) : lease<Connection>{};
  }

  /// Of a claim that is over.
  void describe(const core::waiter& waiter, claim_report& report) const {
    report = {};
    report.error = waiter.error;
    report.ahead = waiter.ahead;
    report.held_by = waiter.held_by;
    auto held = waiter.held;
    if (waiter.since != time_point{}) {
      report.waited = clock::now() - waiter.since;
      // What came after the last event of the pool.
      auto rest = report.waited;
      for (const auto length : held) rest -= length;
      if (waiter.error && rest > duration{}) held[static_cast<std::size_t>(waiter.held_by)] += rest;
    }
    report.in_line = held[static_cast<std::size_t>(hold_up::in_use)];
    report.for_connects = held[static_cast<std::size_t>(hold_up::connecting)];
    report.for_checks = held[static_cast<std::size_t>(hold_up::checking)];
    if (waiter.error) report.pool = stats();
  }

  void wait_ready(std::uint32_t count, deadline until, error_code& error) {
    if (places_.is_here()) {
      error = errc::would_deadlock;
      return;
    }
    blocking_waiter<typename threading::parker> waiter;
    wait(waiter, {}, until,
         [&](time_point when, time_point now) { core_.wait_ready(waiter, count, when, now); });
    error = waiter.error;
  }

  std::uint32_t stop(deadline until, error_code& error) {
    if (core_.is_inherited()) return 0;
    if (places_.is_here()) {
      error = errc::would_deadlock;
      return 0;
    }
    request_stop();
    blocking_waiter<typename threading::parker> waiter;
    wait(waiter, {}, until, [&](time_point when, time_point now) { core_.wait_stopped(waiter, when, now); });
    error = waiter.error;
    return waiter.left;
  }

  // Their asynchronous forms.

  using claim_answer = std::tuple<error_code, lease<Connection>>;
  using ready_answer = std::tuple<error_code>;
  using stop_answer = std::tuple<error_code, std::size_t>;

  template <class Handler>
  void async_claim(deadline until, Handler&& handler, site where, claim_report* report = nullptr) {
    // The good case makes no waiter, and reads no clock.
    constexpr bool posts_handler = is_posted_in_its_memory<std::decay_t<Handler>>;
    if constexpr (posts_handler)
      if (auto* const slot = take()) [[likely]] {
        if (report) *report = {};
        core_type::note_claim(*slot, where);
        return post_claim(taken_slot<engine>{*this, *slot}, std::forward<Handler>(handler));
      }
    start_waiting<claim_answer>(std::forward<Handler>(handler), until, where,
                                [this, report](shell_waiter& waiter, deadline how_long) {
                                  waiter.report = report;
                                  if constexpr (!posts_handler)
                                    if (auto* const slot = take()) {
                                      waiter.granted = slot;
                                      return true;
                                    }
                                  with_book([&] {
                                    const auto now = clock::now();
                                    core_.claim(waiter, how_long.resolve([now] { return now; }), now);
                                  });
                                  return false;
                                });
  }

  template <class Handler>
  void async_wait_ready(std::uint32_t count, deadline until, Handler&& handler) {
    start_waiting<ready_answer>(std::forward<Handler>(handler), until, std::source_location{},
                                [this, count](core::waiter& waiter, deadline how_long) {
                                  with_book([&] {
                                    const auto now = clock::now();
                                    core_.wait_ready(waiter, count, how_long.resolve([now] { return now; }),
                                                     now);
                                  });
                                  return false;
                                });
  }

  template <class Handler>
  void async_stop(deadline until, Handler&& handler) {
    request_stop();
    start_waiting<stop_answer>(std::forward<Handler>(handler), until, std::source_location{},
                               [this](core::waiter& waiter, deadline how_long) {
                                 with_book([&] {
                                   const auto now = clock::now();
                                   core_.wait_stopped(waiter, how_long.resolve([now] { return now; }), now);
                                 });
                                 return false;
                               });
  }

  /// For the waiters: what their handler is called with.
  template <class Answer>
  Answer answer(core::waiter& waiter) {
    if constexpr (std::same_as<Answer, claim_answer>)
      return {waiter.error, waiter.granted ? lease_of(slot_of(waiter)) : lease<Connection>{}};
    else if constexpr (std::same_as<Answer, stop_answer>)
      return {waiter.error, waiter.left};
    else
      return {waiter.error};
  }

  /// For the waiters: the claim was made there.
  static void note_claim(core::waiter& waiter, site where) noexcept {
    if (waiter.granted) core_type::note_claim(slot_of(waiter), where);
  }

  /// Ends a wait with `operation_aborted`, if it has not ended.
  void cancel(core::waiter& waiter) {
    with_book([&] { core_.cancel(waiter, boost::asio::error::operation_aborted); });
  }

  // Leases.

  void release(lease_record& record) noexcept override {
    auto& slot = slot_of(record);
    if (is_open(*slot.connection)) [[likely]] {
      if constexpr (!ignores_leases<observer_type>) return release_observed(slot);
      if (const auto came = put(slot); came != push_result::done) [[unlikely]]
        put_slowly(slot, came);
      return;
    }
    end(slot, core::verdict::broken);
  }

  void discard(lease_record& record) noexcept override { end(slot_of(record), core::verdict::discarded); }

  void detach(lease_record& record) noexcept override {
    auto& slot = slot_of(record);
    if constexpr (!ignores_leases<observer_type>) observer_.on(released_event{*core_.where(slot), false});
    drop(slot, close_reason::detached);
  }

  const backend& where(lease_record& record) const noexcept override { return *core_.where(slot_of(record)); }

  // The keeper's.

  /// Until there is an error: also where every backend is dead.
  void claim_for_keeper(core::waiter& waiter) {
    with_book([&] { core_.claim(waiter, never_comes, clock::now()); });
  }

  void wait_until_one_is_up(core::waiter& waiter) {
    with_book([&] { core_.wait_ready(waiter, 1, never_comes, clock::now()); });
  }

  void give_up(core::slot_id which, core::verdict how) {
    with_book([&] { core_.give_up(which, how, clock::now()); });
  }

  void let_go(slot_type& slot, close_reason why) noexcept {
    bool orphan = false;
    with_book([&] {
      orphan = abandoned_;
      if (!orphan) core_.let_go(slot, why, clock::now());
    });
    if (!orphan || core_.is_inherited()) return;
    slot.connection->close();
    drop(slot, close_reason::stopped);
  }

  template <class Step>
  void on_serial(Step step) {
    boost::asio::post(places_.serial, [self = share(), step = std::move(step)]() mutable { step(); });
  }

  /// Binds a handler to the serial executor, and keeps the engine for it.
  template <class Step>
  auto on_serial_later(Step step) {
    return boost::asio::bind_executor(
        places_.serial, [self = share(), step = std::move(step)](error_code) mutable { step(); });
  }

  bool is_here() const noexcept { return places_.is_here(); }

  const std::shared_ptr<const backend>& description(const slot_type& slot) const noexcept {
    return core_.where(slot);
  }

  static slot_type& slot_of(core::waiter& waiter) noexcept {
    return static_cast<slot_type&>(*waiter.granted);
  }

  static slot_type& slot_of(lease_record& record) noexcept {
    return static_cast<slot_type&>(static_cast<seat<Connection>&>(record));
  }

  // The end.

  void request_stop() noexcept {
    if (core_.is_inherited()) return;
    bool more = false;
    do {
      with_book([&] {
        if (core_.is_stopping())
          core_.wake(clock::now());
        else
          core_.request_stop();
        more = core_.has_work();
      });
    } while (more);
  }

  /// The pool's handle goes. Nothing of the pool waits for a lease: those that are out are counted once,
  /// here.
  void abandon() noexcept {
    if (core_.is_inherited()) return;  // the thread and the connections are the parent's
    with_book([this] { core_.request_stop(); });
    while (close_one_here()) {
    }
    request_stop();
    with_book([this] { core_.end_stop_waits(); });  // nobody may be there to do it at their deadlines
    target_->shut();
    resolver_->finish();
    if (places_.own) places_.own->finish(this->shared_from_this());
    if (workers_) {
      with_book([this] { workers_end_ = true; });
      workers_->join();
      if (testers_) testers_->join();
    }
    const std::scoped_lock lock{mutex_};
    abandoned_ = true;
    orphans_ = core_.orphans();
    if (orphans_ > 0) kept_for_orphans_ = this->shared_from_this();
  }

  ~engine() {
    if (options_.on_fork == fork_policy::abandon) fork_watch::remove(*this);
    core_.each_slot([](slot_type& slot) {
      if (slot.opened) slot.connection->close();
    });
    connecting_.clear();
    tests_.clear();
    core_.each_slot([](slot_type& slot) {
      if (slot.opened) slot.connection.reset();
    });
  }

  engine(const engine&) = delete;
  engine& operator=(const engine&) = delete;

  void set_most(std::uint32_t most) {
    with_book([&] { core_.set_most(most); });
  }

  void invalidate() {
    with_book([this] { core_.invalidate(); });
  }

  bool invalidate(const std::string& key) {
    bool is_known = false;
    with_book([&] { is_known = core_.invalidate(key); });
    return is_known;
  }

  // A fork: nobody is inside the book then, and the child finds it whole.

  void before_fork() noexcept override {
    if (keeper_) keeper_->before_fork();
    target_->lock();
    mutex_.lock();
  }

  void after_fork_in_parent() noexcept override {
    mutex_.unlock();
    target_->unlock();
    if (keeper_) keeper_->after_fork();
  }

  void after_fork_in_child() noexcept override {
    core_.end_in_child();
    kept_for_orphans_ = this->weak_from_this().lock();  // for ever: nothing is ended that is the parent's
    if constexpr (abandonable_connection<Connection>)
      core_.each_up([](slot_type& slot) { slot.connection->abandon(); });
    mutex_.unlock();
    target_->unlock();
    if (keeper_) keeper_->after_fork();
  }

  bool is_inherited() const noexcept { return core_.is_inherited(); }

  pool_state state() const {
    const std::scoped_lock lock{mutex_};
    return core_.state();
  }

  pool_stats stats() const {
    const std::scoped_lock lock{mutex_};
    return core_.stats();
  }

 private:
  // The book.

  /// Tells the core something, then sees to what came of it.
  template <class Event>
  void with_book(Event event) {
    core::waiter* finished = nullptr;
    // A lease that ends does not hold the engine, and the pool may go meanwhile.
    std::shared_ptr<engine> keep;
    {
      const std::scoped_lock lock{mutex_};
      event();
      finished = core_.take_finished();
      if (wants_drain()) keep = this->shared_from_this();
    }
    deliver(finished);
    if (keep) keep->post_drain();
  }

  /// Under the mutex. True once until the drain has run.
  bool wants_drain() noexcept {
    if (drain_posted_ || !(core_.has_effects() || wants_timer()) || core_.is_inherited()) return false;
    drain_posted_ = true;
    return true;
  }

  /// Is the timer armed for too late? At the end also for too early, or at all: it keeps the user's context
  /// busy.
  bool wants_timer() noexcept {
    const auto next = core_.next_wake();
    return next < armed_for_ || (next > armed_for_ && core_.is_stopping());
  }

  static void deliver(core::waiter* finished) noexcept {
    while (finished) {
      auto* const next = finished->link.next;  // the waiter may be gone once it is delivered
      static_cast<shell_waiter*>(finished)->deliver();
      finished = next;
    }
  }

  // The inner steps cannot be taken half: if memory runs out in them, the program ends.

  void post_drain() noexcept {
    boost::asio::post(places_.serial, [self = share()] { self->drain(); });
  }

  /// On the serial executor: performs the effects that there are, lets the core do what is due, arms the
  /// timer.
  void drain() noexcept {
    if (core_.is_inherited()) return;
    core::waiter* finished = nullptr;
    time_point next{};
    bool more = false;
    batch_.clear();
    {
      const std::scoped_lock lock{mutex_};
      if (const auto now = clock::now(); core_.next_wake() <= now) core_.wake(now);
      finished = core_.take_finished();
      core_.take_effects(batch_);
      next = core_.next_wake();
      more = !batch_.empty() || next <= clock::now();
      if (!more) {
        drain_posted_ = false;
        armed_for_ = next;
      }
    }
    deliver(finished);
    for (auto& effect : batch_) perform(effect);
    if (more)
      post_drain();
    else
      arm(next);
  }

  void arm(time_point when) noexcept {
    if (when == never_comes) {
      timer_.cancel();
      return;
    }
    timer_.expires_at(when);
    timer_.async_wait(boost::asio::bind_executor(places_.serial, [self = share()](error_code error) {
      if (error) return;
      {
        const std::scoped_lock lock{self->mutex_};
        if (self->drain_posted_) return;
        self->drain_posted_ = true;
      }
      self->drain();
    }));
  }

  // Waiting.

  template <class Waiter, class Register>
  void wait(Waiter& waiter, const std::stop_token& stop, deadline until, Register enter) {
    with_book([&] {
      const auto now = clock::now();
      enter(until.resolve([now] { return now; }), now);
    });
    const auto cancel_it = [&] { cancel(waiter); };
    std::optional<std::stop_callback<decltype(cancel_it)>> on_stop;
    if (stop.stop_possible()) on_stop.emplace(stop, cancel_it);
    auto when = waiter.deadline;
    while (!waiter.parker.park_until(when))
      with_book([&] {
        core_.wake(clock::now());
        // Who ended the wait is about to say so, and may be long in coming.
        if (waiter.now == core::waiter::state::finished) when = never_comes;
      });
  }

  template <class Answer, class Handler, class Register>
  [[gnu::noinline]] void start_waiting(Handler&& handler, deadline until, site where, Register enter) {
    using waiter_type = async_waiter<engine, std::decay_t<Handler>, Answer>;
    const auto keep = this->shared_from_this();  // the wait may end, and the pool with it, before this does
    auto& waiter = waiter_type::make(keep, std::forward<Handler>(handler), where);
    waiter.accept_cancellation();
    bool granted = false;
    try {
      granted = enter(waiter, until);
    } catch (...) {  // no memory to register it
      waiter_type::drop(waiter);
      throw;
    }
    if (granted) waiter.deliver();
  }

  /// The wait is over before it has begun. The engine may be gone as soon as it is posted.
  template <class Handler>
  void post_claim(taken_slot<engine> slot, Handler&& handler) {
    using completion = granted_claim<engine, std::decay_t<Handler>>;
    if constexpr (has_no_executor<std::decay_t<Handler>>) {
      const auto context = places_.own;
      const auto executor = completions_;
      executor.execute(completion{std::move(slot), std::forward<Handler>(handler)});
    } else {
      const auto executor = boost::asio::get_associated_executor(handler, places_.user);
      boost::asio::post(executor, completion{std::move(slot), std::forward<Handler>(handler)});
    }
  }

  // Ends of leases.

  push_result put(slot_type& slot) noexcept {
    if constexpr (resettable_connection<Connection>) return push_result::refused;
    typename threading::fast_mutex fast{mutex_};
    const std::scoped_lock lock{fast};
    return core_.try_put(slot);
  }

  void release_observed(slot_type& slot) noexcept {
    const auto keep =
        this->shared_from_this();  // neither the slot nor the engine is ours once it is put back
    const auto where = core_.where(slot);
    const auto came = put(slot);
    const bool kept = came == push_result::done || put_slowly(slot, came);
    observer_.on(released_event{*where, kept});
  }

  /// The front could not do it alone. True if the connection stays in use.
  [[gnu::cold, gnu::noinline]] bool put_slowly(slot_type& slot, push_result came) noexcept {
    if (came == push_result::refused) return release_slowly(slot, core::verdict::good);
    std::shared_ptr<engine> last;  // late: the slot was closed meanwhile, and only the end of this is awaited
    with_book([&] { one_orphan_less(last); });
    return false;
  }

  [[gnu::cold, gnu::noinline]] void end(slot_type& slot, core::verdict how) noexcept {
    if constexpr (!ignores_leases<observer_type>) observer_.on(released_event{*core_.where(slot), false});
    release_slowly(slot, how);
  }

  /// True if the connection stays in use.
  bool release_slowly(slot_type& slot, core::verdict how) noexcept {
    bool orphan = false;
    bool kept = false;
    with_book([&] {
      orphan = abandoned_;
      if (orphan) return;
      core_.release(slot, how, clock::now());
      kept = slot.state != core::slot_state::closing;
    });
    if (orphan && !core_.is_inherited()) {
      slot.connection->close();
      drop(slot, close_reason::stopped);
    }
    return kept;
  }

  /// The slot's connection is destroyed here, and not by an effect.
  void drop(slot_type& slot, close_reason reason) noexcept {
    {
      const std::scoped_lock lock{mutex_};
      slot.opened = false;  // should there be a fork
    }
    slot.connection.reset();
    std::shared_ptr<engine> last;
    with_book([&] {
      core_.gone(slot, reason, clock::now());
      if (abandoned_) one_orphan_less(last);
    });
  }

  void one_orphan_less(std::shared_ptr<engine>& last) noexcept {
    if (core_.is_inherited()) return;
    if (--orphans_ == 0) last = std::move(kept_for_orphans_);
  }

  /// Closes an idle connection on this thread; the user's executor may not run any more. False if there is
  /// none.
  bool close_one_here() noexcept {
    slot_type* slot = nullptr;
    {
      const std::scoped_lock lock{mutex_};
      slot = core_.take_to_close();
    }
    if (!slot) return false;
    slot->connection->close();
    slot->connection.reset();
    with_book([&] { core_.closed(core::id_of(*slot), clock::now()); });
    return true;
  }

  // Effects.

  void perform(core::effect& what) {
    using kind = core::effect::kind;
    switch (what.what) {
      case kind::open:
        return open(what.slot, what.where, what.timeout);
      case kind::close:
        return close(what.slot);
      case kind::watch:
        return watch(what.slot);
      case kind::check:
      case kind::reset:
        return test(what.slot, what.what == kind::check, what.timeout);
      case kind::recall:
        return keeper_->recall(what.slot, *what.where, what.reason);
      case kind::plan:
        return plan();
      case kind::run_resolver:
        return run_resolver();
      case kind::stop_resolver:
        return resolver_->stop();
      default:
        return tell(what);
    }
  }

  void tell(const core::effect& what) {
    using kind = core::effect::kind;
    if constexpr (!ignores_everything<observer_type>) switch (what.what) {
        case kind::tell_connected:
          return observer_.on(connected_event{*what.where});
        case kind::tell_connect_failed:
          return observer_.on(connect_failed_event{*what.where, what.error, what.text});
        case kind::tell_closed:
          return observer_.on(closed_event{*what.where, what.reason, what.error, what.text});
        case kind::tell_lease_overdue:
          if constexpr (hears_overdue_leases<observer_type>)
            observer_.on(lease_overdue_event{*what.where, what.claimed_at, options_.lease_limit});
          return;
        case kind::tell_backend_added:
          return observer_.on(backend_added_event{*what.where});
        case kind::tell_backend_changed:
          return observer_.on(backend_changed_event{*what.where});
        case kind::tell_backend_removed:
          return observer_.on(backend_removed_event{*what.where});
        case kind::tell_backend_dead:
          return observer_.on(backend_dead_event{*what.where, what.error, what.text});
        case kind::tell_backend_alive:
          return observer_.on(backend_alive_event{*what.where});
        case kind::tell_resolver_failed:
          return observer_.on(resolver_failed_event{what.error, what.text});
        case kind::tell_plan_failed:
          return observer_.on(plan_failed_event{what.error, what.text});
        case kind::tell_rebalanced:
          return observer_.on(rebalanced_event{what.number, what.target});
        case kind::tell_shuffled:
          return observer_.on(shuffled_event{what.number});
        case kind::tell_state_changed:
          return observer_.on(state_changed_event{what.state});
        default:
          return;
      }
  }

  /// The slot, which stays where it is until its close was performed here.
  slot_type* find(core::slot_id id, core::slot_state state) {
    const std::scoped_lock lock{mutex_};
    auto* const slot = core_.find(id);
    return slot && slot->state == state ? slot : nullptr;
  }

  void open(core::slot_id id, const std::shared_ptr<const backend>& where, duration timeout) {
    slot_type* slot = nullptr;
    {
      const std::scoped_lock lock{mutex_};
      slot = core_.opening(id);
    }
    if (!slot) return;  // cancelled meanwhile: its close comes next
    const auto failure = failure_of(
        errc::make_failed, [&] { slot->connection.emplace([&] { return make_(places_.user, *where); }); });
    if (failure.error) return not_connected(id, failure.error, failure.text, false);
    connect(id, *slot, timeout);
  }

  void connect(core::slot_id id, slot_type& slot, [[maybe_unused]] duration timeout) {
    if constexpr (async_connection<Connection>) {
      const auto signal = std::make_shared<boost::asio::cancellation_signal>();
      connecting_.emplace(id.index, signal);
      const auto failure = failure_of(errc::connect_failed, [&] {
        slot.connection->async_connect(boost::asio::bind_cancellation_slot(
            signal->slot(),
            boost::asio::bind_executor(places_.serial, [self = share(), id, &slot](error_code error) {
              self->connecting_.erase(id.index);
              self->connect_ended(id, slot, error, {});
            })));
      });
      if (!failure.error) return;
      connecting_.erase(id.index);
      connect_failed(id, slot, failure.error, failure.text);
    } else {
      // A little before the core gives it up: one that keeps its deadline has answered by then, so that no
      // further connect is in flight beside it.
      const auto until = after(clock::now(), timeout / 8 * 7);
      connecting_.emplace(id.index, nullptr);
      boost::asio::post(*workers_, [this, id, &slot, until] {
        auto failure = failure_of(errc::connect_failed, [&] { slot.connection->connect(until); });
        boost::asio::post(places_.serial, [self = share(), id, &slot, failure = std::move(failure)] {
          self->connecting_.erase(id.index);
          self->connect_ended(id, slot, failure.error, failure.text);
        });
      });
    }
  }

  void connect_ended(core::slot_id id, slot_type& slot, error_code error, std::string text) {
    if (!error && !is_open(*slot.connection)) error = errc::connection_broken;
    if (error) return connect_failed(id, slot, error, std::move(text));
    arm_watch(id, slot);
    with_book([&] { core_.connected(id, clock::now()); });
  }

  void connect_failed(core::slot_id id, slot_type& slot, error_code error, std::string text) {
    const bool permanent = is_permanent(*slot.connection, error);
    slot.connection.reset();
    not_connected(id, error, std::move(text), permanent);
  }

  void not_connected(core::slot_id id, error_code error, std::string text, bool permanent) {
    with_book([&] { core_.connect_failed(id, error, std::move(text), permanent, clock::now()); });
  }

  /// A check or a reset. It is never asked of a connection of whose kind there is none.
  void test(core::slot_id id, bool is_check, duration timeout) {
    auto* const slot = find(id, core::slot_state::checking);
    if (!slot) return;
    if constexpr (async_connection<Connection>) {
      const auto signal = std::make_shared<boost::asio::cancellation_signal>();
      tests_.emplace(id.index, std::make_shared<test_under_way>(signal));
      const auto failure = failure_of(errc::connection_broken, [&] {
        auto handler = boost::asio::bind_cancellation_slot(
            signal->slot(),
            boost::asio::bind_executor(places_.serial, [self = share(), id, slot](error_code error) {
              self->test_ended(id, *slot, error, {});
            }));
        if constexpr (checked_connection<Connection>)
          if (is_check) return void(slot->connection->async_check(std::move(handler)));
        if constexpr (resettable_connection<Connection>) slot->connection->async_reset(std::move(handler));
      });
      if (failure.error) test_ended(id, *slot, failure.error, failure.text);
    } else {
      const auto end = after(clock::now(), timeout / 8 * 7);
      const auto under_way = std::make_shared<test_under_way>(nullptr);
      tests_.emplace(id.index, under_way);
      boost::asio::post(*testers_, [=, this] {
        failure failed;
        // It may have had to wait for others that hang, and is asked nevertheless.
        const auto until = std::max(end, after(clock::now(), timeout / 8));
        if (!under_way->closes)  // else it has waited for a worker for too long
          failed = failure_of(errc::connection_broken, [&] {
            if constexpr (checked_connection<Connection>)
              if (is_check) return void(slot->connection->check(until));
            if constexpr (resettable_connection<Connection>) slot->connection->reset(until);
          });
        boost::asio::post(places_.serial, [self = share(), id, slot, failed = std::move(failed)] {
          self->test_ended(id, *slot, failed.error, failed.text);
        });
      });
    }
  }

  void test_ended(core::slot_id id, slot_type& slot, error_code error, std::string text) {
    const auto under_way = tests_.extract(id.index);
    if (under_way.mapped()->closes) return close(id);
    if (!error && !is_open(*slot.connection)) error = errc::connection_broken;
    with_book([&] { core_.test_ended(id, error, std::move(text), clock::now()); });
  }

  void close(core::slot_id id) {
    auto* const slot = find(id, core::slot_state::closing);
    if (!slot) return;
    if (const auto found = tests_.find(id.index); found != tests_.end()) {
      const auto under_way = found->second;  // its end answers
      under_way->closes = true;
      if constexpr (async_connection<Connection>) {
        under_way->cancel->emit(boost::asio::cancellation_type::all);
        if (tests_.contains(id.index)) slot->connection->close();
      }
      return;
    }
    if constexpr (async_connection<Connection>) {
      if (const auto connecting = connecting_.find(id.index); connecting != connecting_.end()) {
        const auto signal = connecting->second;  // the connect's handler answers
        signal->emit(boost::asio::cancellation_type::all);
        if (connecting_.contains(id.index)) slot->connection->close();
        return;
      }
      if (slot->opened) slot->connection->close();
      closed(id, *slot);
    } else {
      if (connecting_.contains(id.index)) return;  // one call at a time: its end answers
      if (!slot->opened) return closed(id, *slot);
      if (workers_have_ended()) {
        slot->connection->close();
        return closed(id, *slot);
      }
      boost::asio::post(*workers_, [this, id, slot] {
        slot->connection->close();
        boost::asio::post(places_.serial, [self = share(), id, slot] { self->closed(id, *slot); });
      });
    }
  }

  bool workers_have_ended() {
    const std::scoped_lock lock{mutex_};
    return workers_end_;
  }

  void closed(core::slot_id id, slot_type& slot) {
    if (slot.opened) slot.connection.reset();
    with_book([&] { core_.closed(id, clock::now()); });
  }

  void watch(core::slot_id id) {
    auto* const slot = find(id, core::slot_state::checking);
    if (!slot) return;
    arm_watch(id, *slot);
    with_book([&] { core_.watched(id, clock::now()); });
  }

  void arm_watch(core::slot_id id, slot_type& slot) {
    if constexpr (watched_connection<Connection>) {
      if (options_.watch_delay == no_limit || keeper_) return;
      const auto failure = failure_of(errc::connection_broken, [&] {
        slot.connection->async_wait_broken(boost::asio::bind_executor(
            places_.serial, [self = share(), id](error_code) { self->watch_fired(id); }));
      });
      if (failure.error) boost::asio::post(places_.serial, [self = share(), id] { self->watch_fired(id); });
    }
  }

  void watch_fired(core::slot_id id) {
    with_book([&] { core_.watch_fired(id, clock::now()); });
  }

  void plan() {
    const auto failure = failure_of(errc::bad_plan, [&] { core_.make_plan(); });
    with_book([&] {
      if (failure.error)
        core_.plan_failed(failure.error, failure.text, clock::now());
      else
        core_.planned();
    });
  }

  /// The pool, as its resolver sees it. A sink may outlive the pool, and the context that the pool was on.
  class target final : public sink_target {
   public:
    explicit target(const std::shared_ptr<engine>& of) : engine_(of), serial_(of->places_.serial) {}

    void lock() noexcept { mutex_.lock(); }
    void unlock() noexcept { mutex_.unlock(); }

    /// The pool goes: what is reported from here on is ignored.
    void shut() noexcept {
      const std::scoped_lock lock{mutex_};
      serial_ = nullptr;
    }

    void added(backend where) override {
      post([where = std::move(where)](core_type& core) { core.backend_added(where, clock::now()); });
    }
    void changed(backend where) override {
      post([where = std::move(where)](core_type& core) { core.backend_changed(where, clock::now()); });
    }
    void removed(std::string key) override {
      post([key = std::move(key)](core_type& core) { core.backend_removed(key, clock::now()); });
    }
    void failed(error_code error, std::string text) override {
      post([error, text = std::move(text)](core_type& core) { core.resolver_failed(error, text); });
    }
    void round_done() override {
      post([](core_type& core) { core.round_done(clock::now()); });
    }

   private:
    template <class Report>
    void post(Report report) {
      const std::scoped_lock lock{mutex_};
      if (!serial_) return;
      boost::asio::post(serial_, [weak = engine_, report = std::move(report)] {
        if (const auto self = weak.lock()) self->with_book([&] { report(self->core_); });
      });
    }

    std::weak_ptr<engine> engine_;
    typename threading::mutex mutex_;      // while it is held, the pool does not go, nor the context
    boost::asio::any_io_executor serial_;  // empty when the pool is gone: it does not outlive its context
  };

  void run_resolver() {
    {
      const std::scoped_lock lock{mutex_};
      if (core_.is_stopping()) return;
      core_.resolver_started();
    }
    const auto failure = failure_of(errc::resolver_failed, [&] {
      resolver_->start(resolver_sink{target_}, [self = share()](error_code error, std::string text) {
        self->resolver_ended(error, std::move(text));
      });
    });
    if (failure.error) resolver_ended(failure.error, failure.text);
  }

  void resolver_ended(error_code error, std::string text) {
    with_book([&] { core_.resolver_ended(error, std::move(text), clock::now()); });
  }

  // Connections go before the context that they were made on.
  places places_;
  boost::asio::any_io_executor completions_;  ///< The user's, as `asio::post` would make it for each post.
  maker<Connection> make_;
  pool_options options_;
  [[no_unique_address]] observer_type observer_;

  mutable typename threading::mutex mutex_;
  core_type core_;
  bool drain_posted_ = false;
  time_point armed_for_ = never_comes;
  bool workers_end_ = false;
  bool abandoned_ = false;
  std::size_t orphans_ = 0;
  std::shared_ptr<engine> kept_for_orphans_;
  std::shared_ptr<target> target_;
  std::unique_ptr<keeper> keeper_;

  // Used on the serial executor only.
  boost::asio::basic_waitable_timer<clock> timer_;
  std::vector<core::effect> batch_;
  /// What cancels a connect that is in flight, by the index of its slot; null where a worker thread is in it.
  std::map<std::uint32_t, std::shared_ptr<boost::asio::cancellation_signal>> connecting_;
  struct test_under_way {
    explicit test_under_way(std::shared_ptr<boost::asio::cancellation_signal> signal)
        : cancel(std::move(signal)) {}

    std::shared_ptr<boost::asio::cancellation_signal> cancel;  ///< Null where a worker thread is in it.
    std::atomic<bool> closes = false;                          ///< The connection is closed at its end.
  };
  /// Checks and resets, by the index of their slot.
  std::map<std::uint32_t, std::shared_ptr<test_under_way>> tests_;
  std::unique_ptr<resolver_runner> resolver_;
  std::optional<boost::asio::thread_pool> workers_;
  std::optional<boost::asio::thread_pool>
      testers_;  ///< For checks and resets: a connect that hangs is not in their way.
};

}  // namespace cueball::detail
