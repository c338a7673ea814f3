// SPDX-License-Identifier: BSL-1.0
/// \file
/// The search: choices, and what they lead to.
#include "explorer/scheduler.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <map>
#include <sstream>

namespace explorer {

scheduler& scheduler::get() {
  static scheduler one;
  return one;
}

// The search.

outcome scheduler::explore(std::string_view name, std::function<void()> body, std::uint32_t preemptions) {
  const auto from = std::clock();
  const auto* const most = std::getenv("CUEBALL_PREEMPTIONS");
  most_preemptions_ = most ? static_cast<std::uint32_t>(std::strtoul(most, nullptr, 10)) : preemptions;
  const auto* const delays = std::getenv("CUEBALL_DELAYS");
  most_delays_ = delays ? static_cast<std::uint32_t>(std::strtoul(delays, nullptr, 10)) : 1;
  path_.clear();
  const auto* const told = std::getenv("CUEBALL_CHOICES");
  if (told) {
    std::istringstream text{told};
    for (std::uint32_t taken = 0; text >> taken; text.ignore()) path_.push_back({taken, 0});
  }

  outcome all;
  all.preemptions = most_preemptions_;
  do {
    in_use_ = 0;
    position_ = 0;
    replayed_ = path_.size();
    preemptions_ = 0;
    delays_ = 0;
    now_ = time_point{std::chrono::hours{1}};
    branching_ = false;
    silent_ = false;
    watch(nullptr, nullptr);
    history_.clear();
    failure_.clear();
    current_ = start("body", body);
    auto& root = running();
    root.stack.begin([this, &root] {
      root.run();
      fiber::switch_from(root.stack, outside_);
    });
    fiber::switch_from(outside_, root.stack);
    ++all.interleavings;
    all.longest = std::max(all.longest, position_);
  } while (failure_.empty() && !told && next_path());

  if (!failure_.empty()) {
    std::ostringstream text;
    text << name << ": " << failure_ << "\nin interleaving " << all.interleavings << ":\n"
         << history() << "again: CUEBALL_PREEMPTIONS=" << most_preemptions_
         << " CUEBALL_DELAYS=" << most_delays_ << " CUEBALL_CHOICES=" << choices();
    all.failure = text.str();
    // Its threads are in the middle of something for ever. Kept, so that a leak checker finds what they own.
    static std::vector<std::unique_ptr<logical>> kept;
    for (auto& each : logicals_) kept.push_back(std::move(each));
    logicals_.clear();
    servers_.clear();
    timers_.clear();
  }
  all.seconds = static_cast<double>(std::clock() - from) / CLOCKS_PER_SEC;
  return all;
}

bool scheduler::next_path() {
  while (!path_.empty() && path_.back().taken + 1 == path_.back().of) path_.pop_back();
  if (path_.empty()) return false;
  ++path_.back().taken;
  return true;
}

std::uint32_t scheduler::pick(std::size_t of) {
  if (of == 1) return 0;
  const auto number = static_cast<std::uint32_t>(of);
  if (position_ == path_.size()) path_.push_back({0, number});
  auto& here = path_[position_++];
  if (here.of == 0) here.of = number;  // as told by the environment
  check(here.of == number && here.taken < number, "the same choices did not lead to the same choice");
  return here.taken;
}

void scheduler::decide() {
  if (history_.size() > most_steps) fail("it does not end");
  running().has_seen_clock = false;
  for (;;) {
    const bool goes_on = can_go_on(current_);
    const auto next = next_deadline();
    const bool may_pass = next <= horizon_;
    options_.clear();
    if (goes_on) options_.push_back(current_);
    if (goes_on && may_pass) options_.push_back(time_passes);
    if (!goes_on || preemptions_ < most_preemptions_)
      for (std::size_t i = 1; i < in_use_; ++i)
        if (i != current_ && can_go_on(i)) options_.push_back(i);
    const bool over = options_.empty() && all_ended();
    if (!goes_on && may_pass && !over) options_.push_back(time_passes);
    if (over) return switch_to(0);
    if (options_.empty()) fail("nobody can go on: " + who_waits());
    const auto chosen = options_[pick(options_.size())];
    if (chosen == time_passes) {
      advance(next);
      continue;
    }
    if (goes_on && chosen != current_) ++preemptions_;
    if (chosen != current_) switch_to(chosen);
    return;
  }
}

// Threads.

std::size_t scheduler::start(std::string name, std::function<void()> run) {
  if (in_use_ == logicals_.size()) logicals_.push_back(std::make_unique<logical>());
  auto& who = *logicals_[in_use_];
  who.name = std::move(name);
  who.run = std::move(run);
  who.ready = nullptr;
  who.kept.clear();
  who.deadline = never_comes;
  who.gate = nullptr;
  who.held = 0;
  who.has_seen_clock = false;
  who.ended = false;
  who.serves = false;
  who.busy = false;
  return in_use_++;
}

bool scheduler::can_go_on(std::size_t number) const {
  const auto& who = *logicals_[number];
  return number != 0 && !who.ended && (!who.ready || who.ready(who.ready_of) || who.deadline <= now_);
}

bool scheduler::all_ended() const noexcept {
  for (std::size_t i = 1; i < in_use_; ++i)
    if (logicals_[i]->serves ? logicals_[i]->busy : !logicals_[i]->ended) return false;
  return true;
}

void scheduler::switch_to(std::size_t who) {
  auto& from = running().stack;
  current_ = who;
  fiber::switch_from(from, logicals_[who]->stack);
}

void scheduler::go(std::vector<thread> threads, duration horizon) {
  in_use_ = 1;
  for (auto& each : threads) {
    auto& who = *logicals_[start(std::move(each.name), std::move(each.run))];
    who.stack.begin([this, &who] {
      note("begins");
      who.run();
      note("ends");
      drain();
      who.ended = true;
      decide();
    });
  }
  for (auto* const each : servers_) {
    auto& who = *logicals_[start("executor", [each] { each->work(); })];
    who.serves = true;
    who.stack.begin([this, &who, each] {
      for (;;) {
        wait("is idle", nullptr, [each] { return each->has_work(); });
        note("runs a handler");
        who.busy = true;
        who.run();
        who.busy = false;
      }
    });
  }
  horizon_ = now_ + horizon;
  branching_ = true;
  decide();
  branching_ = false;
}

void scheduler::pass(duration length) {
  const auto until = now_ + length;
  for (;;) {
    bool worked = false;
    for (auto* const each : servers_)
      for (; each->has_work(); worked = true) each->work();
    if (worked) continue;
    const auto next = next_deadline();
    if (next > until) break;
    advance(next);
  }
  now_ = until;
}

// Time.

time_point scheduler::now() noexcept {
  // To pass before the first look at the clock, time could as well have passed at the last step.
  if (is_branching() && std::exchange(running().has_seen_clock, true))
    for (auto next = next_deadline(); next <= horizon_ && pick(2) == 1; next = next_deadline()) advance(next);
  return now_;
}

time_point scheduler::next_deadline() const noexcept {
  auto next = never_comes;
  for (const auto* const each : timers_) next = std::min(next, each->when);
  for (std::size_t i = 1; i < in_use_; ++i)
    if (logicals_[i]->deadline > now_) next = std::min(next, logicals_[i]->deadline);
  return next;
}

void scheduler::advance(time_point to) {
  now_ = std::max(now_, to);
  if (branching_) history_.push_back({time_passes, "time passes", nullptr});
  for (;;) {
    const auto due = std::find_if(timers_.begin(), timers_.end(),
                                  [this](const timed* each) { return each->when <= now_; });
    if (due == timers_.end()) return;
    auto& what = **due;
    timers_.erase(due);
    what.fire();
  }
}

void scheduler::drain_others(const void* where) noexcept {
  for (std::size_t i = 0; i < in_use_; ++i) {
    auto& who = *logicals_[i];
    if (i != current_ && std::any_of(who.kept.begin(), who.kept.end(),
                                     [where](const store& each) { return each.where == where; }))
      drain(who);
  }
}

// Rules.

void scheduler::locked(const void* lock) noexcept {
  ++running().held;
  last_locked_ = lock;
}

void scheduler::unlocked(const void* lock) noexcept {
  --running().held;
  if (lock != watched_ || !is_branching()) return;
  silent_ = true;
  look_(position_ < replayed_);
  silent_ = false;
}

void scheduler::user_code(const char* what) {
  if (running().held > 0) fail(std::string{"user code runs under a lock: "} + what);
}

void scheduler::fail(std::string_view rule) {
  failure_ = rule;
  fiber::switch_from(running().stack, outside_);
  std::abort();  // nobody comes back here
}

// Words.

std::string scheduler::who_waits() const {
  std::string all;
  for (std::size_t i = 1; i < in_use_; ++i) {
    const auto& who = *logicals_[i];
    if (who.serves ? !who.busy : who.ended) continue;
    all += (all.empty() ? "" : ", ") + who.name + (who.held > 0 ? " holds a lock and waits" : " waits");
  }
  return all;
}

std::string scheduler::choices() const {
  auto last = position_;
  while (last > 0 && path_[last - 1].taken == 0) --last;
  std::string all;
  for (std::size_t i = 0; i < last; ++i) all += (i > 0 ? "," : "") + std::to_string(path_[i].taken);
  return all.empty() ? "0" : all;
}

std::string scheduler::history() const {
  std::ostringstream text;
  std::map<const void*, std::size_t> numbers;
  for (const auto& each : history_) {
    if (each.who == time_passes)
      text << "  ";
    else
      text << "  " << logicals_[each.who]->name << ' ';
    text << each.what;
    if (each.which) text << " #" << numbers.emplace(each.which, numbers.size() + 1).first->second;
    text << '\n';
  }
  return text.str();
}

}  // namespace explorer
