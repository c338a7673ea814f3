// SPDX-License-Identifier: BSL-1.0
/// \file
/// The script, the ledger, and the laws.

#include "world.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <stdexcept>
#include <utility>

#include <cueball/laws/rule_broken.hpp>

namespace cueball::laws::shell {

using namespace std::chrono_literals;

namespace {

constexpr duration default_timeout = 250ms;

/// Of waits; `no_limit` waits for ever.
constexpr std::array<duration, 13> lengths{
    no_limit, no_limit, no_limit, default_timeout, default_timeout, 0ms, 1ms,
    10ms,     20ms,     50ms,     100ms,           1000ms,          -5ms};

/// What the peer does when it refuses.
const error_code refused = boost::asio::error::connection_refused;
const error_code aborted = boost::asio::error::operation_aborted;

}  // namespace

// The outside, as the pool sees it.

connection::connection(world& of, const backend& where) : world_(&of), link_(nullptr) {
  of.user_call("a connection is constructed");
  if (of.sites_[where.port].how == world::manner::constructor_throws) throw scripted_failure{};
  auto& its = of.links_.emplace_back();
  its.number = static_cast<std::uint32_t>(of.links_.size());
  its.port = where.port;
  link_ = &its;
  of.alive_.push_back(&its);
  of.mark(its.port);
  of.tell("connection " + std::to_string(its.number) + " to " + std::to_string(its.port) + " is made");
}

connection::connection(connection&& other) noexcept
    : world_(other.world_), link_(std::exchange(other.link_, nullptr)) {
  world_->user_call("a connection is moved");
}

connection::~connection() {
  if (!link_) return;
  world_->user_call("a connection is destroyed");
  world_->demand(!link_->held || link_->detached, "a connection in use is not destroyed");
  world_->demand(!link_->open || link_->detached || world_->dropping_,
                 "an open connection is closed before it is destroyed");
  world_->demand(!link_->connect || world_->dropping_,
                 "a connection is not destroyed while it is being connected");
  world_->demand(!link_->check || world_->dropping_,
                 "a connection is not destroyed while it is being checked");
  link_->alive = false;
  std::erase(world_->alive_, link_);
  world_->tell("connection " + std::to_string(link_->number) + " is destroyed");
  if (const auto watch = std::move(link_->watch); watch && !world_->dropping_) watch->complete(aborted, {});
}

void connection::begin_connect() {
  world_->user_call("async_connect");
  world_->demand(!world_->stopping_, "R15: nothing is connected after stop");
  world_->demand(!link_->started, "a connection is connected once");
  link_->started = true;
  if (world_->sites_[link_->port].how == world::manner::connect_throws)
    throw std::runtime_error("the script says no");
}

void connection::connecting(std::unique_ptr<operation> what) {
  using manner = world::manner;
  link_->connect = std::move(what);
  const auto how = world_->sites_[link_->port].how;
  link_->stubborn = how == manner::stubborn;
  if (how == manner::hangs || how == manner::stubborn) return;
  if (how == manner::slow)
    return world_->after_a_while(30ms, [of = world_, its = link_] {
      if (its->connect) of->answer(*its, {}, true);
    });
  world_->answer(*link_, how == manner::refuses ? refused : error_code{}, how != manner::dead_on_arrival);
}

void connection::cancel_connect(world& of, link& which) {
  of.user_call("a connect is cancelled");
  of.demand(of.gone_ || of.pool_->stats().slots.closing > 0,
            "a connect is cancelled only where its slot closes");
  which.cancelled = true;
  of.tell("the connect of " + std::to_string(which.number) + " is cancelled");
  if (which.connect && !which.stubborn) of.answer(which, aborted, false);
}

void connection::begin_check() {
  world_->user_call("async_check");
  world_->demand(!world_->stopping_, "R15: nothing is checked after stop");
  world_->demand(link_->up && !link_->held && !link_->closed, "only what is idle is checked");
  world_->demand(!link_->check, "one check at a time");
  if (world_->sites_[link_->port].how == world::manner::connect_throws) {
    link_->known_broken = true;
    throw std::runtime_error("the script says no");
  }
}

void connection::checking(std::unique_ptr<operation> what) {
  using manner = world::manner;
  link_->check = std::move(what);
  ++link_->claims;  // what the watch tells may be of this
  // It may have told of it since the check was decided, which is believed instead.
  link_->known_broken = false;
  link_->fires = 0;
  const auto how = world_->sites_[link_->port].how;
  link_->stubborn = how == manner::stubborn;
  if (how == manner::hangs || how == manner::stubborn) return;
  if (how == manner::slow)
    return world_->after_a_while(30ms, [of = world_, its = link_] {
      if (its->check) of->answer_check(*its, {});
    });
  world_->answer_check(*link_, how == manner::refuses || link_->cut ? refused : error_code{});
}

void connection::cancel_check(world& of, link& which) {
  of.user_call("a check is cancelled");
  of.demand(of.gone_ || of.pool_->stats().slots.closing > 0,
            "a check is cancelled only where its slot closes");
  which.cancelled = true;
  of.tell("the check of " + std::to_string(which.number) + " is cancelled");
  if (which.check && !which.stubborn) of.answer_check(which, aborted);
}

void connection::begin_watch() {
  world_->user_call("async_wait_broken");
  world_->demand(!link_->watch, "one close-watch at a time");
  world_->demand(!link_->closed, "what is closed is not watched");
  if (world_->sites_[link_->port].how == world::manner::watch_throws) throw scripted_failure{};
}

void connection::watching(std::unique_ptr<operation> what) {
  link_->watch = std::move(what);
  link_->watched_at = link_->claims;
  if (link_->cut) world_->fire_watch(*link_, {});
}

void connection::close() noexcept {
  world_->user_call("close");
  world_->demand(!link_->held, "a connection in use is not closed");
  world_->tell("connection " + std::to_string(link_->number) + " is closed");
  link_->closed = true;
  link_->open = false;
  link_->cancelled = true;
  if (link_->connect && !link_->stubborn) world_->answer(*link_, aborted, false);
  if (link_->check && !link_->stubborn) world_->answer_check(*link_, aborted);
  if (link_->watch) world_->fire_watch(*link_, aborted);
}

bool connection::is_open() const noexcept {
  return link_->open;
}

void resolver::begin() {
  world_->user_call("async_run");
  world_->demand(!world_->run_, "the resolver has one run at a time");
  world_->demand(!world_->stopping_, "R15: the resolver is not run after stop");
  world_->tell("the resolver runs");
  world_->run_cancelled_ = false;
  if (world_->resolver_manner_ == world::resolver_manner::throws) throw scripted_failure{};
}

void resolver::running(const resolver_sink& sink, std::unique_ptr<operation> what) {
  using manner = world::resolver_manner;
  auto& of = *world_;
  of.run_ = std::move(what);
  if (of.sink_) of.old_sinks_.push_back(*of.sink_);
  of.sink_ = sink;
  const auto how = of.resolver_manner_;
  if (how != manner::says_nothing && how != manner::ends_unannounced)
    of.announce(sink, how == manner::announces_half);
  if (how == manner::ends_at_once || how == manner::ends_unannounced) of.end_run(refused);
}

void resolver::cancel(world& of) {
  of.user_call("the resolver is cancelled");
  of.run_cancelled_ = true;
  of.tell("the resolver is cancelled");
  if (of.run_ && of.resolver_manner_ != world::resolver_manner::hangs_when_cancelled) of.end_run(aborted);
}

handler::handler(world& of, wait& what) noexcept : world_(&of), wait_(&what) {
  ++wait_->handlers;
}

handler::handler(handler&& other) : world_(other.world_), wait_(other.wait_) {
  if (wait_ && wait_->throws_on_move) {
    wait_->throws_on_move = false;
    throw scripted_failure{};
  }
  if (wait_) world_->user_call("a handler is moved");
  other.wait_ = nullptr;
}

handler::~handler() {
  if (wait_) world_->dropped(*wait_);
}

handler::executor_type handler::get_executor() const noexcept {
  return {*world_->scheduler_, wait_->number};
}

handler::cancellation_slot_type handler::get_cancellation_slot() const noexcept {
  return wait_->signal.slot();
}

void handler::operator()(error_code error, lease_type claimed) && {
  world_->completed(*std::exchange(wait_, nullptr), error, std::move(claimed));
}

void handler::operator()(error_code error) && {
  world_->completed(*std::exchange(wait_, nullptr), error);
}

void handler::operator()(error_code error, std::size_t left) && {
  world_->completed(*std::exchange(wait_, nullptr), error, left);
}

void witness::hear(told what, pool_state state) noexcept {
  auto& of = *world_;
  of.user_call("the observer is told");
  of.mark(static_cast<std::uint64_t>(what));
  const bool by_caller = what == told::claimed || what == told::released;
  if (what == told::claimed) {
    ++of.heard_claims_;
    of.served_at_once();  // by its thread, before it returns
  }
  if (what == told::released) ++of.heard_releases_;
  if (what == told::state) {
    const bool returns = of.heard_state_ == pool_state::failed &&
                         (state == pool_state::starting || state == pool_state::running);
    of.demand(state > of.heard_state_ || returns, "R15: the states are told in their order, each once");
    of.heard_state_ = state;
  }
  if (!by_caller) {
    of.demand(of.hearing_ == 0, "hooks of inner steps are called one at a time");
    ++of.hearing_;
  }
  if (of.hook_ != 0) of.call_from_a_hook(std::exchange(of.hook_, 0));
  if (!by_caller) --of.hearing_;
}

// The world.

world::world(const setting& what, bool with_history)
    : setting_(what), with_history_(with_history), random_(what.seed + 1) {
  parking::here = this;
  held_locks::count = 0;
  held_locks::relocked = false;
  virtual_clock::current = time_point{} + 1h;
  scheduler_ = std::make_unique<scheduler>(!what.threads, what.dispatches);
  scheduler_->on_ready = [this](std::uint32_t number) { delivered(number); };
  scheduler_->before_run = [this](std::uint32_t number) {
    auto& its = waits_[number - 1];
    its.throws_on_move = its.then == wait::act::throw_on_move;
  };
  for (std::uint16_t port = 1; port <= ports; ++port) sites_[port].known = port <= what.warm;
  pool_ = !what.threads    ? make_pool_of_one_thread(*this, *scheduler_, what)
          : what.lock_free ? make_pool_without_locks(*this, *scheduler_, what)
                           : make_pool_of_many_threads(*this, *scheduler_, what);
  if (what.warm > 0) heal();
}

world::~world() {
  over_ = false;
  gone_ = true;
  dropping_ = true;
  leases_.clear();
  detached_.clear();
  pool_.reset();
  for (auto& its : links_) {
    its.connect.reset();
    its.check.reset();
    its.watch.reset();
  }
  run_.reset();
  happenings_.clear();
  scheduler_.reset();
  parking::here = nullptr;
}

void world::begin_make(const backend& where) {
  user_call("make");
  demand(!stopping_, "R15: nothing is made after stop");
  if (sites_[where.port].how == manner::make_throws) throw std::runtime_error("the script makes nothing");
}

// Notes.

void world::demand(bool holds, const char* rule) noexcept {
  if (holds || !broken_.empty()) return;
  broken_ = rule;
  tell("BROKEN: " + broken_);
}

void world::tell(const std::string& what) {
  if (!with_history_) return;
  const auto since = virtual_clock::now().time_since_epoch() - 1h;
  history_ += "\n  " + std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(since).count()) +
              " us: " + what;
}

void world::mark(std::uint64_t what) noexcept {
  fingerprint_ = (fingerprint_ ^ what) * 0x100000001b3ULL +
                 static_cast<std::uint64_t>(virtual_clock::now().time_since_epoch().count());
}

void world::user_call(const char* what) noexcept {
  if (held_locks::count != 0) tell(what);
  demand(held_locks::count == 0, "R12: no user code runs under a lock of the pool");
  demand(!over_, "no user code runs when everything has ended");
}

void world::throw_if_broken() {
  if (held_locks::relocked) demand(false, "no mutex is locked twice");
  if (!broken_.empty() && parked_ == 0) throw rule_broken{broken_};
}

// Playing.

void world::play(const script& ops, endings with) {
  endings_ = with;
  script_ = &ops;
  at_ = 0;
  while (at_ < ops.size()) {
    step(ops[at_++]);
    check();
    throw_if_broken();
  }
  script_ = nullptr;
}

void world::run_one(std::size_t which) {
  try {
    scheduler_->run(which);
  } catch (const scripted_failure&) {  // thrown by a handler of the script: an executor lets it pass
  }
}

void world::settle() {
  for (int rounds = 0;; ++rounds) {
    demand(rounds < 100000, "the pool comes to rest");
    scheduler_->fire_timers();
    happen();
    if (scheduler_->ready() == 0) break;
    run_one(random_.below(static_cast<std::uint32_t>(scheduler_->ready())));
    check();
    if (!broken_.empty()) return;
  }
  check_quiet();
}

time_point world::next_happening() const noexcept {
  auto next = never_comes;
  for (const auto& one : happenings_) next = std::min(next, one.when);
  return next;
}

void world::happen() {
  for (std::size_t i = 0; i < happenings_.size();)
    if (happenings_[i].when <= virtual_clock::now()) {
      const auto what = std::move(happenings_[i].what);
      happenings_.erase(happenings_.begin() + static_cast<std::ptrdiff_t>(i));
      what();
    } else {
      ++i;
    }
}

void world::after_a_while(duration length, std::function<void()> what) {
  happenings_.push_back({virtual_clock::now() + length, std::move(what)});
}

void world::move_to(time_point when) {
  virtual_clock::current = std::max(virtual_clock::current, when);
}

void world::tick(time_point most) {
  settle();
  const auto next = std::min({scheduler_->next_timer(), next_happening(), most});
  if (next == never_comes || !broken_.empty()) return;
  move_to(next);
  settle();
}

// Waits.

bool world::is_claim(const wait& its) const noexcept {
  return its.what == wait::kind::claim || its.what == wait::kind::blocking;
}

std::uint32_t world::waiting() const noexcept {
  return static_cast<std::uint32_t>(std::count_if(
      open_.begin(), open_.end(), [this](const wait* its) { return is_claim(*its) && its->delivered == 0; }));
}

std::uint32_t world::in_flight() const noexcept {
  return static_cast<std::uint32_t>(std::count_if(
      open_.begin(), open_.end(), [this](const wait* its) { return is_claim(*its) && its->delivered != 0; }));
}

wait& world::begin_wait(wait::kind what, time_point deadline, wait::act then) {
  auto& its = waits_.emplace_back();
  its.number = static_cast<std::uint32_t>(waits_.size());
  its.what = what;
  its.then = then;
  its.began = virtual_clock::now();
  its.deadline = deadline;
  open_.push_back(&its);
  return its;
}

wait::act world::act_of(std::uint32_t a, std::uint32_t b) const noexcept {
  using act = wait::act;
  constexpr std::array<act, 13> acts{
      act::keep,          act::keep,          act::keep,        act::keep,    act::keep,
      act::keep,          act::release,       act::release,     act::discard, act::claim_again,
      act::release_first, act::throw_on_move, act::throw_inside};
  if (b == 11 && a > 8 && endings_ != endings::none)
    return a == 12 && endings_ == endings::destroy ? act::destroy : act::stop;
  return acts[b];
}

void world::claim(std::uint32_t which_deadline, wait::act then) {
  const auto length = lengths[which_deadline];
  auto& its = begin_wait(wait::kind::claim, after(virtual_clock::now(), length), then);
  tell("claim " + std::to_string(its.number));
  if (length == default_timeout)
    pool_->async_claim(handler{*this, its});
  else
    pool_->async_claim(length, handler{*this, its});
  its.initiating = false;
}

void world::cancel(wait& its, boost::asio::cancellation_type how) {
  tell("wait " + std::to_string(its.number) + " is cancelled");
  its.cancelled = true;
  if (its.what == wait::kind::blocking)
    its.source.request_stop();
  else
    its.signal.emit(how);
  demand(its.delivered != 0, "a wait that is cancelled ends at once");
}

void world::try_claim() {
  const auto others = waiting();
  const auto stopped = stopping_;
  error_code why;
  auto got = pool_->try_claim(why);
  if (got) {
    demand(others == 0, "R8: try_claim overtakes nobody");
    demand(!stopped, "R15: nothing is handed out after stop");
    took(got, "try_claim");
    leases_.push_back(std::move(got));
    return;
  }
  const auto stats = pool_->stats();
  if (stopped) return demand(why == errc::stopped, "try_claim says that the pool was stopped");
  demand(why == (stats.state == pool_state::failed ? errc::all_dead : errc::none_idle),
         "try_claim says that none is idle, or all are dead");
  demand(stats.slots.idle == 0 || others > 0, "try_claim gets what is idle");
}

void world::block(std::uint32_t which_deadline) {
  if (!setting_.threads) return claim(which_deadline, wait::act::keep);
  const auto length = lengths[which_deadline];
  auto& its = begin_wait(wait::kind::blocking, after(virtual_clock::now(), length), wait::act::keep);
  tell("claim " + std::to_string(its.number) + " blocks");
  blocking_ = &its;
  error_code error;
  auto got = pool_->claim(length, its.source.get_token(), error);
  served_at_once();
  its.initiating = false;
  completed(its, error, std::move(got));
}

void world::served_at_once() {
  if (auto* const its = std::exchange(blocking_, nullptr)) delivered(its->number);
}

std::uint32_t world::begin() {
  return std::exchange(blocking_, nullptr)->number;
}

void world::unpark(std::uint32_t thread) noexcept {
  delivered(thread);
}

bool world::park_until(std::uint32_t thread, time_point deadline) {
  auto& its = waits_[thread - 1];
  its.initiating = false;
  ++parked_;
  while (its.delivered == 0 && virtual_clock::now() < deadline) {
    if (!broken_.empty()) {
      cancel(its, {});
    } else if (script_ && at_ < script_->size() && parked_ < 4) {
      step((*script_)[at_++]);
      check();
    } else if (scheduler_->ready() > 0) {
      run_one(random_.below(static_cast<std::uint32_t>(scheduler_->ready())));
      check();
    } else {
      const auto before = virtual_clock::now();
      tick(deadline);
      // Nothing will ever happen again, or nothing does for long.
      if (its.delivered == 0 && (before == virtual_clock::now() || before > its.began + 3s)) cancel(its, {});
    }
  }
  --parked_;
  return its.delivered != 0;
}

void world::delivered(std::uint32_t number) {
  auto& its = waits_[number - 1];
  demand(its.delivered == 0, "a wait ends once");
  its.delivered = ++moment_;
  its.delivered_at = virtual_clock::now();
  its.after_stop = stopping_;
  tell("wait " + std::to_string(number) + " ends");
}

void world::note_completed(wait& its, error_code error) {
  user_call("a completion handler");
  demand(!its.completed && !its.dropped, "a handler is called once");
  demand(!its.initiating, "no handler is called in the initiating call");
  demand(its.delivered != 0, "a handler is handed to its own executor");
  its.completed = true;
  std::erase(open_, &its);
  mark(its.number);
  mark(static_cast<std::uint64_t>(error.value()));
  tell("wait " + std::to_string(its.number) + " completes: " + (error ? error.message() : "success"));
  if (error == errc::claim_timeout || error == errc::wait_timeout)
    demand(its.delivered_at >= its.deadline, "R9: no wait fails before its deadline");
  if (error == errc::stopped) demand(stopping_, "only a stop stops");
  if (error == errc::all_dead && !gone_)
    demand(++refused_ <= pool_->stats().refused, "R13: claims that are refused are counted");
  demand((error == aborted) == its.cancelled, "who was cancelled hears of that, and nobody else");
}

void world::completed(wait& its, error_code error, lease_type got) {
  note_completed(its, error);
  demand(error.failed() != static_cast<bool>(got), "a claim gives a lease or an error");
  using act = wait::act;
  auto then = its.then;
  if (parked_ > 0 && then == act::destroy) then = act::stop;
  if (gone_ && (then == act::claim_again || then == act::release_first || then == act::stop))
    then = act::keep;
  if (got) {
    demand(!its.after_stop, "R15: nothing is handed out after stop");
    if (its.delivered_at > its.began)
      demand(its.delivered_at < its.deadline, "R9: nothing is granted at a deadline or after it");
    for (const auto* const other : open_)
      if (is_claim(*other) && other->number < its.number)
        demand(other->delivered != 0 && other->delivered < its.delivered,
               "R8: claims are served in order of arrival");
    took(got, "claim");
    if (then == act::release || then == act::discard) {
      end_lease(got, then == act::discard ? 1 : 0);
    } else if (then == act::throw_inside) {
      got->of().held = false;
      throw scripted_failure{};
    } else {
      leases_.push_back(std::move(got));
    }
  }
  if (then == act::claim_again) {
    claim(its.number % lengths.size(), act::keep);
  } else if (then == act::release_first && !leases_.empty()) {
    release(0, 0);
  } else if (then == act::stop) {
    request_stop();
  } else if (then == act::destroy && hearing_ == 0) {
    destroy();
  }
}

void world::completed(wait& its, error_code error) {
  note_completed(its, error);
}

void world::completed(wait& its, error_code error, std::size_t left) {
  note_completed(its, error);
  if (!error && left > 0 && !gone_)
    demand(its.delivered_at >= its.deadline, "R15: a stop ends at its deadline, or with nothing left");
}

void world::dropped(wait& its) noexcept {
  user_call("a handler is destroyed");
  demand(dropping_ || its.then == wait::act::throw_on_move, "a handler that can be called is called");
  its.dropped = true;
  std::erase(open_, &its);
  for (auto* const each : alive_) ++each->claims;  // whichever it was given, it was claimed
}

// Leases.

void world::took(lease_type& got, const char* how) {
  auto& its = got->of();
  tell(std::string{how} + " gives connection " + std::to_string(its.number));
  mark(its.number);
  demand(its.alive && its.up, "what is handed out is connected");
  demand(its.open && !its.closed, "what is handed out is open");
  demand(!its.held, "no connection is in use twice");
  demand(!its.known_broken, "R11: what is known to be broken is not handed out");
  demand(got.backend().port == its.port, "a lease knows its backend");
  its.held = true;
  ++its.claims;
  its.fires = 0;
}

void world::end_lease(lease_type& held, std::uint32_t how) {
  auto& its = held->of();
  auto mine = std::move(held);
  tell("lease of connection " + std::to_string(its.number) + " ends (" + std::to_string(how) + ")");
  its.held = false;
  switch (how) {
    case 1:
      return mine.discard();
    case 2:
      its.open = false;
      return mine.release();
    case 3:
      its.detached = true;
      std::erase(alive_, &its);
      its.held = true;
      detached_.push_back(mine.detach());
      return;
    case 4:
      return;  // goes out of scope
    default:
      return mine.release();
  }
}

void world::release(std::size_t which, std::uint32_t how) {
  auto mine = std::move(leases_[which]);
  leases_.erase(leases_.begin() + static_cast<std::ptrdiff_t>(which));
  end_lease(mine, how);
}

// Connections and backends.

void world::answer(link& its, error_code error, bool open) {
  tell("the connect of " + std::to_string(its.number) + " ends: " + (error ? error.message() : "success"));
  its.open = !error && open;
  if (its.open) its.closed = false;  // it did not care that it was closed
  const auto what = std::move(its.connect);
  what->complete(error, [&its, error] { its.up = !error && its.open; });
}

void world::answer_check(link& its, error_code error) {
  tell("the check of " + std::to_string(its.number) + " ends: " + (error ? error.message() : "well"));
  const auto what = std::move(its.check);
  what->complete(error, [&its, error] {
    if (error && its.alive && !its.closed) its.known_broken = true;
  });
}

void world::fire_watch(link& its, error_code error) {
  const auto what = std::move(its.watch);
  what->complete(error, [this, &its, watched_at = its.watched_at] {
    if (!its.alive) return;
    // What is on its way to a claim may be this one: then the pool does not believe its watch.
    const bool in_use = its.claims != watched_at || in_flight() > 0;
    its.fires = in_use ? 0 : its.fires + 1;
    if (its.fires == 2 && !its.closed) its.known_broken = true;
    tell("the watch of " + std::to_string(its.number) + " reports something");
  });
}

backend world::describe(std::uint16_t port) const {
  const auto& its = sites_.at(port);
  return {.address = "10.0.0.1", .port = port, .weight = its.weight, .priority = its.priority};
}

void world::announce(const resolver_sink& sink, bool half) {
  const auto from = random_.below(ports);
  for (std::uint32_t i = 0; i < (half ? 2U : ports); ++i) {
    const auto port = static_cast<std::uint16_t>(1 + (from + i) % ports);
    if (!sites_[port].known) continue;
    sink.added(describe(port));
    if (i == 1) sink.added(describe(port));
  }
  if (!half) sink.round_done();
}

void world::end_run(error_code error) {
  tell("the resolver's run ends");
  const auto run = std::move(run_);
  run->complete(error, {});
}

// Ends.

void world::request_stop() {
  if (gone_) return;
  tell("stop");
  stopping_ = true;
  pool_->request_stop();
}

void world::destroy() {
  if (gone_ || parked_ > 0 || hearing_ > 0) return;
  tell("the pool is destroyed");
  stopping_ = true;
  gone_ = true;
  pool_.reset();
}

void world::call_from_a_hook(int what) {
  if (gone_) return;
  tell("a hook calls the pool");
  switch (what % 6) {
    case 0:
      return try_claim();
    case 1:
      return claim(static_cast<std::uint32_t>(what), wait::act::keep);
    case 2:
      if (!leases_.empty()) release(static_cast<std::size_t>(what) % leases_.size(), 0);
      return;
    case 3:
      for (auto* const its : open_)
        if (its->what == wait::kind::claim && its->delivered == 0)
          return cancel(*its, boost::asio::cancellation_type::all);
      return;
    case 4:
      (void)pool_->stats();
      return;
    default:
      if (endings_ != endings::none) request_stop();
  }
}

}  // namespace cueball::laws::shell
