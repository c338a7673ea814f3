// SPDX-License-Identifier: BSL-1.0
/// \file
/// One step of a script; what must be true after it; how a case ends.

#include <algorithm>
#include <array>
#include <chrono>
#include <stdexcept>
#include <utility>

#include <cueball/laws/rule_broken.hpp>

#include "world.hpp"

namespace cueball::laws::shell {

using namespace std::chrono_literals;

namespace {

constexpr std::array<duration, 13> pauses{1ms,   1ms,   5ms,   10ms,  10ms,   20ms,  50ms,
                                          100ms, 100ms, 250ms, 500ms, 1000ms, 5000ms};

/// Of waits for readiness and for the end.
constexpr std::array<duration, 13> patience{no_limit, no_limit, no_limit, no_limit, 0ms,    1ms, 5ms,
                                            10ms,     50ms,     100ms,    250ms,    1000ms, -5ms};

std::uint32_t up(const slot_counts& counts) {
  return counts.idle + counts.claimed + counts.checking;
}

}  // namespace

void world::step(const op& one) {
  const auto ready = scheduler_->ready();
  const auto port = static_cast<std::uint16_t>(1 + one.a % ports);
  auto& chosen = sites_[port];
  std::vector<link*> candidates;
  const auto pick_link = [&](auto wanted) -> link* {
    for (auto* const its : alive_)
      if (wanted(*its)) candidates.push_back(its);
    return candidates.empty() ? nullptr : candidates[one.a % candidates.size()];
  };
  switch (one.kind) {
    case op_kind::run:
      if (ready > 0) run_one(one.a);
      return;
    case op_kind::run_all:
      return settle();
    case op_kind::tick:
      return tick();
    case op_kind::wait:
      move_to(virtual_clock::now() + pauses[one.a]);
      return happen();
    case op_kind::fire:
      return scheduler_->fire_timers();
    case op_kind::claim:
      if (!gone_) claim(one.a, act_of(one.a, one.b));
      return;
    case op_kind::try_claim:
      if (!gone_) try_claim();
      return;
    case op_kind::block:
      if (!gone_ && parked_ < 3) block(one.a);
      return;
    case op_kind::cancel: {
      std::vector<wait*> open;
      for (auto* const its : open_)
        if (its->delivered == 0) open.push_back(its);
      if (open.empty()) return;
      const auto before = gone_ ? pool_stats{} : pool_->stats();
      using type = boost::asio::cancellation_type;
      constexpr std::array<type, 3> types{type::terminal, type::partial, type::total};
      cancel(*open[one.a % open.size()], types[one.b % 3U]);
      return demand(gone_ || pool_->stats().slots == before.slots,
                    "who gives up waiting changes nothing else");
    }
    case op_kind::release:
      if (!leases_.empty()) release(one.a % leases_.size(), one.b < 5 ? 0 : (one.b - 4U) / 2);
      return;
    case op_kind::add:
      chosen.known = true;
      chosen.weight = one.b % 4U;
      if (sink_) sink_->added(describe(port));
      return;
    case op_kind::remove:
      if (!chosen.known) return;
      chosen.known = false;
      if (sink_) sink_->removed(describe(port));
      return;
    case op_kind::change:
      if (!chosen.known) return;
      chosen.weight = one.b % 4U;
      chosen.priority = one.b == 11 ? 1 : 0;
      if (sink_) sink_->changed(describe(port));
      return;
    case op_kind::late:
      if (old_sinks_.empty()) return;
      if (chosen.known)
        old_sinks_.front().added(describe(port));
      else
        old_sinks_.front().removed(describe(port));
      return;
    case op_kind::nonsense:
      if (!sink_) return;
      sink_->added({.address = "nowhere", .port = 1});
      sink_->changed({.address = "10.0.0.9", .port = 9});
      sink_->removed("no such backend");
      return;
    case op_kind::report:
      if (!sink_) return;
      if (one.b % 2 == 0) return sink_->failed(boost::asio::error::host_not_found, "the script says so");
      return announce(*sink_, false);
    case op_kind::give_up:
      if (run_) end_run(one.b % 2 == 0 ? error_code{boost::asio::error::host_not_found} : error_code{});
      return;
    case op_kind::resolver:
      resolver_manner_ = static_cast<resolver_manner>(one.b % 7);
      return;
    case op_kind::mode:
      chosen.how = one.b < 3 ? manner::accepts : static_cast<manner>(one.b - 3);
      return;
    case op_kind::answer:
      if (auto* const its = pick_link([](const link& of) { return of.connect || of.check; });
          its && its->check)
        answer_check(*its, one.b < 7 ? error_code{} : error_code{boost::asio::error::connection_reset});
      else if (its)
        answer(*its, one.b < 7 ? error_code{} : error_code{boost::asio::error::connection_reset}, one.b != 3);
      return;
    case op_kind::cut:
      if (auto* const its = pick_link([](const link& of) { return of.up && !of.closed; })) {
        tell("connection " + std::to_string(its->number) + " breaks");
        its->cut = true;
        if (its->held && one.b % 2 == 0) its->open = false;
        if (its->watch) fire_watch(*its, {});
      }
      return;
    case op_kind::stray:
      if (auto* const its = pick_link([](const link& of) { return of.up && of.watch; })) fire_watch(*its, {});
      return;
    case op_kind::wait_ready: {
      if (gone_) return;
      const auto until = patience[one.b];
      auto& its = begin_wait(wait::kind::ready, after(virtual_clock::now(), until), wait::act::keep);
      pool_->async_wait_ready(one.a % (setting_.max_connections + 2), until, handler{*this, its});
      its.initiating = false;
      return;
    }
    case op_kind::hook:
      if (setting_.threads && !gone_) hook_ = 1 + one.a;
      return;
    case op_kind::stop:
      return request_stop();
    case op_kind::async_stop: {
      if (gone_) return;
      const auto until = patience[one.b];
      auto& its = begin_wait(wait::kind::stop, after(virtual_clock::now(), until), wait::act::keep);
      tell("stop, and wait " + std::to_string(its.number) + " for it");
      stopping_ = true;
      pool_->async_stop(until, handler{*this, its});
      its.initiating = false;
      return;
    }
    case op_kind::destroy:
      return destroy();
  }
}

void world::check() {
  if (gone_) return;
  const auto now = pool_->stats();
  slot_counts sum;
  for (const auto& row : now.backends) {
    sum += row.slots;
    demand(row.counters.opened == row.counters.closed + row.slots.total(),
           "R14: opened = closed + total, for each backend");
  }
  demand(sum == now.slots, "R14: the rows add up");
  demand(now.counters.opened == now.counters.closed + now.slots.total(), "R14: opened = closed + total");
  demand(now.waiters == waiting(), "who waits is counted, and waits");
  // Those that lay idle for long are checked first: as many as wait.
  const bool are_checked = setting_.check_after_ms > 0 && now.slots.checking >= now.waiters;
  demand(now.slots.idle == 0 || now.waiters == 0 || are_checked, "R8: no idle connection beside a waiter");
  if (setting_.strict)
    demand(now.slots.total() <= setting_.max_connections, "R5: never more than the strict maximum");

  const auto held = static_cast<std::uint32_t>(leases_.size());
  const auto coming = in_flight();
  demand(held <= now.slots.claimed && now.slots.claimed <= held + coming, "R14: what is claimed is in use");
  const auto alive = alive_.size();
  demand(up(now.slots) <= alive && alive <= now.slots.total(),
         "R14: the connections are those that there are");
  if (setting_.threads)
    demand(heard_claims_ - heard_releases_ == held, "the observer hears of each lease, and of its end");
  if (stopping_) demand(now.waiters == 0, "R15: a stop ends every claim at once");
  if (waiting() > 0) demand(scheduler_->work() > 0, "who waits keeps work outstanding");
}

void world::check_quiet() {
  for (const auto* const its : open_) {
    // The thread of a claim that blocks may be slow.
    demand(its->delivered == 0 || its->what == wait::kind::blocking, "what has ended completes");
    demand(its->delivered != 0 || its->deadline > virtual_clock::now(), "R9: no wait outlasts its deadline");
    demand(!gone_, "R15: no wait outlasts its pool");
  }
  demand(scheduler_->next_timer() > virtual_clock::now(), "a timer that is due fires");
  for (const auto* const its : alive_)
    demand(!its->known_broken || its->held, "R11: what is broken is closed");
  if (gone_) return;

  const auto now = pool_->stats();
  slot_counts seen;
  std::array<std::uint32_t, ports + 1> by_port{};
  for (const auto* const its : alive_) {
    ++by_port[its->port];
    if (its->connect || (its->check && its->cancelled))
      ++(its->cancelled ? seen.closing : seen.connecting);
    else if (its->held)
      ++seen.claimed;
    else
      ++seen.idle;
  }
  demand(now.slots.connecting == seen.connecting, "R14: at rest, connecting is what connects");
  demand(now.slots.closing == seen.closing, "R14: at rest, closing is what does not end");
  demand(up(now.slots) == seen.idle + seen.claimed, "R14: at rest, what is up is idle or in use");
  if (parked_ == 0)  // or a lease is on its way to a slow thread
    demand(now.slots.claimed == seen.claimed, "R14: at rest, claimed is what is in use");
  for (const auto& row : now.backends) by_port[row.where.port] -= row.slots.total();
  for (const auto left : by_port) demand(left == 0, "R14: at rest, each backend has its own");
  if (stopping_) {
    demand(now.slots.idle + now.slots.checking + now.slots.connecting == 0, "R15: stop closes what is idle");
    demand(!run_ || run_cancelled_, "R15: stop cancels the resolver");
    demand((now.state == pool_state::stopped) == (now.slots.total() == 0),
           "R15: stopped when nothing is left");
    for (const auto* const its : open_)
      demand(its->what != wait::kind::stop || now.slots.total() > 0, "R15: the wait for the end ends");
    if (now.state == pool_state::stopped)
      demand(scheduler_->next_timer() == never_comes, "R15: no timer is left after stop");
  } else if (up(now.slots) + now.slots.connecting < now.target) {
    demand(scheduler_->next_timer() != never_comes ||
               (setting_.strict && (now.slots.claimed > 0 || now.slots.closing > 0)),
           "R10: below its target, the pool has something to come");
  }
}

void world::settle_outside() {
  for (auto* const its : alive_)
    if (its->connect)
      answer(*its, its->cancelled ? boost::asio::error::operation_aborted : error_code{}, true);
    else if (its->check)
      answer_check(*its, its->cancelled ? boost::asio::error::operation_aborted : error_code{});
  if (run_ && run_cancelled_) end_run(boost::asio::error::operation_aborted);
}

void world::heal() {
  for (auto& [port, its] : sites_) its.how = manner::accepts;
  resolver_manner_ = resolver_manner::announces;
  hook_ = 0;
  settle();
  settle_outside();
  if (run_ && sink_) announce(*sink_, false);
  if (gone_ || stopping_) return;
  const auto options = setting_.options();
  const auto& recovery = options.recovery.usual;
  const auto delay = duration{
      static_cast<duration::rep>(static_cast<double>(recovery.max_delay.count()) * (1.0 + recovery.spread))};
  const auto watch = setting_.watch_ms == 0 ? 0ms : std::chrono::milliseconds{setting_.watch_ms};
  // The resolver runs again; the broken are noticed; a rebalance in progress and the one after it; a retry.
  const auto checks = std::chrono::milliseconds{2 * (setting_.check_ms + setting_.check_timeout_ms)};
  const auto end = virtual_clock::now() + 2 * delay + 2 * watch + checks + 3 * options.rebalance_delay + 50ms;
  for (;;) {
    settle();
    throw_if_broken();
    settle_outside();
    if (scheduler_->ready() > 0) continue;
    if (!leases_.empty()) {
      release(0, 0);
      continue;
    }
    if (!what_is_missing() || virtual_clock::now() >= end) break;
    tick(end);
    throw_if_broken();
  }
  if (const auto* const missing = what_is_missing()) demand(false, missing);
  throw_if_broken();
}

/// Of a pool that is whole, while all is well outside; null if nothing is.
const char* world::what_is_missing() const {
  const auto now = pool_->stats();
  // A strict pool of one connection has no place for a monitor.
  const bool may_stay_dead = setting_.strict && setting_.max_connections == 1;
  std::vector<std::uint16_t> live;
  std::uint32_t least = ~0U;
  std::uint32_t most = 0;
  for (const auto& row : now.backends) {
    if (row.live || (row.dead && may_stay_dead)) live.push_back(row.where.port);
    if (row.dead) continue;
    if (row.slots.total() != row.planned) return "R1: every backend has what the plan gives it";
    least = std::min(least, row.planned);
    most = std::max(most, row.planned);
  }
  std::sort(live.begin(), live.end());
  std::vector<std::uint16_t> known;
  for (const auto& [port, its] : sites_)
    if (its.known) known.push_back(port);
  if (!run_) return "the resolver is run again";
  if (live != known) return "the backends are those that the resolver named";
  const auto wanted = known.empty() ? 0 : setting_.max_connections;
  if (now.target != wanted || now.slots.idle != wanted || now.slots.total() != wanted)
    return "R10: when all is well, the pool becomes whole";
  if (!setting_.threads && most > 0 && most > least + 1)
    return "R1: even_spread gives each the same, give or take one";
  if (!known.empty() && now.waiters > 0) return "R10: who waits is served";
  if (setting_.watch_ms > 0 &&
      std::any_of(alive_.begin(), alive_.end(), [](const link* its) { return its->cut; }))
    return "R11: what broke is replaced";
  return nullptr;
}

void world::finish() {
  hook_ = 0;
  for (int rounds = 0;; ++rounds) {
    demand(rounds < 1000, "R15: the end comes");
    settle();
    throw_if_broken();
    settle_outside();
    if (scheduler_->ready() > 0) continue;
    if (leases_.empty()) break;
    release(0, static_cast<std::uint32_t>(rounds) % 4);
  }
  detached_.clear();
  happenings_.clear();
  settle();
  if (!gone_) {
    const auto now = pool_->stats();
    demand(now.state == pool_state::stopped && now.slots.total() == 0, "R15: nothing is left after stop");
    demand(now.counters.opened == now.counters.closed, "R14: opened = closed at the end");
    if (setting_.threads) demand(heard_state_ == pool_state::stopped, "R15: the observer hears of the end");
  }
  demand(scheduler_->next_timer() == never_comes, "R15: no timer is left");
  demand(scheduler_->work() == 0, "R15: no work is left outstanding");
  demand(!run_, "R15: the resolver has ended");
  for (const auto& its : waits_) demand(its.completed || its.dropped, "R15: stop ends every wait");
  for (const auto& its : links_) demand(!its.alive, "every connection is destroyed");
  throw_if_broken();
  over_ = true;
  gone_ = true;
  pool_.reset();
  if (sink_) sink_->added(describe(1));
  settle();
  demand(life_.use_count() == 1, "nothing of the pool is left");
  throw_if_broken();
}

void world::stop_and_finish() {
  request_stop();
  check();
  throw_if_broken();
  finish();
}

void world::destroy_and_finish(const script& rest) {
  destroy();
  throw_if_broken();
  play(rest);
  finish();
}

void world::drop_everything() {
  destroy();
  throw_if_broken();
  while (!leases_.empty()) release(0, 0);
  detached_.clear();
  dropping_ = true;
  happenings_.clear();
  for (auto& its : links_) {
    its.connect.reset();
    its.check.reset();
    its.watch.reset();
  }
  run_.reset();
  scheduler_.reset();
  if (sink_) sink_->added(describe(1));
  for (const auto& its : links_) demand(!its.alive, "every connection is destroyed");
  for (const auto& its : waits_) demand(its.completed || its.dropped, "every handler is called or destroyed");
  demand(life_.use_count() == 1, "nothing of the pool is left");
  throw_if_broken();
}

void check_run(const setting& what, const std::function<void(world&)>& play) {
  try {
    world first{what};
    play(first);
  } catch (const rule_broken& broken) {
    std::string why = broken.what();
    world again{what, true};
    try {
      play(again);
      why += " (not so the second time: R16 is broken too)";
    } catch (const rule_broken&) {
    }
    throw std::logic_error{why + again.history()};
  }
}

}  // namespace cueball::laws::shell
