// SPDX-License-Identifier: BSL-1.0
/// \file
/// The simulator's steps.

#include <algorithm>
#include <array>
#include <source_location>
#include <stdexcept>
#include <utility>

#include <cueball/laws/law.hpp>
#include <cueball/laws/simulator/pool_law.hpp>
#include <cueball/laws/simulator/simulator.hpp>

namespace cueball::laws {

using namespace std::chrono_literals;

namespace {

std::string named(core::slot_id id) {
  return "slot " + std::to_string(id.index) + "." + std::to_string(id.generation);
}

constexpr std::array<duration, 13> lengths{1ms,   5ms,   10ms, 20ms, 50ms,  100ms, 150ms,
                                           300ms, 500ms, 1s,   10s,  3600s, 8760h};

error_code given_up() {
  return boost::system::errc::make_error_code(boost::system::errc::operation_canceled);
}

}  // namespace

simulator::simulator(const setting& what, bool told)
    : setting_(what),
      pool_(what.make()),
      book_(what),
      manners_(backends, manner::accepts),
      is_lazy_(what.lazy),
      is_told_(told) {
  for (std::size_t i = 0; i < backends; ++i)
    described_.push_back({.address = "10.0.0." + std::to_string(i), .port = 80});
  begin();
  book_.started();
  pool_->start(now_);
  tell("start");
  done();
  const auto after_rebalance = what.options().rebalance_delay + 1ms;
  is_lazy_ = false;
  for (std::size_t i = 0; i < what.warm; ++i) add(i, what.warm > 3 ? static_cast<std::uint32_t>(i) : 1);
  if (what.warm > 0) live(after_rebalance);
  is_lazy_ = what.lazy;
}

// The frame of each event.

void simulator::begin() {
  if (is_told_) {
    const auto since = std::chrono::duration_cast<std::chrono::microseconds>(now_.time_since_epoch() - 1h);
    told_ << "\n" << static_cast<double>(since.count()) / 1000.0 << " ms: ";
  }
  book_.begin(now_);
}

void simulator::done() {
  std::vector<core::effect> more;
  pool_->take_effects(more);
  book_.observe(*pool_);
  for (auto& one : more) {
    noted(one);
    book_.decided(one);
    effects_.push_back(std::move(one));
  }
  for (auto* who = pool_->take_finished(); who;) {
    auto* const next = who->link.next;
    mix(static_cast<std::uint64_t>(who->error.value()) + 77);
    book_.finished(*who);
    if (who->granted) {
      tell(" -> granted ", named(id_of(*who->granted)));
      keep_lease(who->granted);
    } else {
      tell(" -> a wait ended: ", who->error.message());
    }
    who = next;
  }
  book_.check(*pool_);
  if (!is_lazy_) perform_all();
}

void simulator::noted(const core::effect& one) {
  using kind = core::effect::kind;
  mix(static_cast<std::uint64_t>(one.what));
  mix(std::uint64_t{one.slot.index} << 32U | one.slot.generation);
  mix(static_cast<std::uint64_t>(one.reason) * 31 + one.number * 7 + one.target);
  if (one.where) mix(static_cast<unsigned char>(one.where->address.back()));
  if (!is_told_) return;
  switch (one.what) {
    case kind::open:
      told_ << " -> open " << named(one.slot) << " to " << one.where->key();
      break;
    case kind::close:
      told_ << " -> close " << named(one.slot) << " (reason " << int(one.reason) << ")";
      break;
    case kind::watch:
      told_ << " -> watch " << named(one.slot);
      break;
    case kind::check:
      told_ << " -> check " << named(one.slot);
      break;
    case kind::reset:
      told_ << " -> reset " << named(one.slot);
      break;
    case kind::plan:
      told_ << " -> plan";
      break;
    case kind::tell_rebalanced:
      told_ << " -> rebalanced, " << one.number << " live";
      break;
    case kind::tell_shuffled:
      told_ << " -> shuffled";
      break;
    default:
      break;
  }
}

void simulator::keep_lease(core::slot_base* slot) {
  mix(slot->index + 1000);
  leases_.push_back({slot, id_of(*slot)});
  note_claims();
}

void simulator::hold_up(bool holders) {
  are_held_up_ = holders;
  note_claims();
}

void simulator::note_claims() {
  static const std::array lines{std::source_location::current(),  //
                                std::source_location::current(),  //
                                std::source_location::current()};
  if (are_held_up_) return;
  for (auto one = leases_.rbegin(); one != leases_.rend() && !one->is_noted; ++one) {
    one->is_noted = true;
    const auto& where = lines[++noted_ % lines.size()];
    pool_->note_claim(*one->slot, where);
    book_.noted(one->id, where.line());
  }
}

// Backends.

backend simulator::what(std::size_t which) const {
  return described_[which];
}

void simulator::add(std::size_t which, std::uint32_t weight, std::uint32_t priority) {
  auto& where = described_[which];
  where.weight = weight;
  where.priority = priority;
  begin();
  tell("add ", where.key(), " weight ", weight, " priority ", priority);
  book_.added(where);
  pool_->backend_added(where, now_);
  done();
}

void simulator::change(std::size_t which, std::uint32_t weight, std::uint32_t priority, int attribute) {
  auto& where = described_[which];
  where.weight = weight;
  where.priority = priority;
  if (attribute != 0) where.attributes["note"] = std::to_string(attribute);
  begin();
  tell("change ", where.key(), " weight ", weight, " priority ", priority);
  book_.changed(where);
  pool_->backend_changed(where, now_);
  done();
}

void simulator::remove(std::size_t which) {
  begin();
  tell("remove ", described_[which].key());
  book_.removed(described_[which].key());
  pool_->backend_removed(described_[which].key(), now_);
  done();
}

void simulator::begin_resolver_run() {
  begin();
  tell("the resolver starts");
  book_.resolver_started();
  pool_->resolver_started();
  resolver_due_ = false;
  resolver_runs_ = true;
  done();
}

void simulator::restart_resolver(unsigned names) {
  begin_resolver_run();
  for (std::size_t i = 0; i < backends; ++i)
    if ((names >> i & 1U) != 0) add(i, described_[i].weight, described_[i].priority);
  begin();
  tell("the resolver's round is done");
  book_.round_done();
  pool_->round_done(now_);
  done();
}

void simulator::nonsense(unsigned variant) {
  begin();
  tell("nonsense");
  if (variant % 3 != 2) book_.misreported();
  if (variant % 3 == 0) pool_->backend_removed("10.9.9.9:1", now_);
  if (variant % 3 == 1) pool_->backend_changed({.address = "10.9.9.9", .port = 1, .weight = 7}, now_);
  if (variant % 3 == 2) {
    book_.resolver_failed();
    pool_->resolver_failed(errc::resolver_failed, "no answer");
  }
  done();
}

// Claimers.

core::waiter& simulator::new_waiter(core::waiter::kind what) {
  waiters_.push_back(std::make_unique<core::waiter>());
  waiters_.back()->waits_for = what;
  return *waiters_.back();
}

core::waiter& simulator::claim(time_point deadline) {
  auto& who = new_waiter(core::waiter::kind::claim);
  if (try_take()) {
    who.now = core::waiter::state::finished;
    who.granted = leases_.back().slot;
    return who;
  }
  begin();
  tell("claim");
  book_.waits(who, deadline);
  pool_->claim(who, deadline, now_);
  done();
  return who;
}

bool simulator::try_take() {
  begin();
  auto* const slot = pool_->try_take();
  book_.tried(slot);
  tell("try to take: ", slot ? named(id_of(*slot)) : "none");
  if (slot) keep_lease(slot);
  done();
  return slot != nullptr;
}

void simulator::cancel(core::waiter& who) {
  begin();
  tell("cancel");
  book_.cancels(who);
  pool_->cancel(who, given_up());
  done();
}

core::waiter& simulator::wait_ready(std::uint32_t count, time_point deadline) {
  auto& who = new_waiter(core::waiter::kind::ready);
  begin();
  tell("wait for ", count);
  book_.waits(who, deadline);
  pool_->wait_ready(who, count, deadline, now_);
  done();
  return who;
}

core::waiter& simulator::wait_stopped(time_point deadline) {
  auto& who = new_waiter(core::waiter::kind::stop);
  begin();
  tell("wait for the end");
  book_.waits(who, deadline);
  pool_->wait_stopped(who, deadline, now_);
  done();
  return who;
}

void simulator::release(std::size_t which, ending how) {
  const auto held = leases_[which];
  leases_.erase(leases_.begin() + static_cast<std::ptrdiff_t>(which));
  if (const auto* const its = link_of(held.id); its && its->cut && how == ending::good) how = ending::broken;
  begin();
  tell("release ", named(held.id),
       how == ending::good     ? ""
       : how == ending::broken ? ", broken"
                               : ", discarded");
  book_.released(held.id, false);
  if (how == ending::good && !setting_.resets && pool_->try_put(*held.slot)) {
    book_.released(held.id, true);
  } else {
    // A good one is idle for the moment in which the core decides what becomes of it.
    if (how == ending::good && !held.slot->unwanted && !book_.stopping()) book_.released(held.id, true);
    pool_->release(*held.slot, how, now_);
  }
  done();
}

void simulator::detach(std::size_t which) {
  const auto held = leases_[which];
  leases_.erase(leases_.begin() + static_cast<std::ptrdiff_t>(which));
  begin();
  tell("detach ", named(held.id));
  book_.detached(held.id);
  pool_->gone(*held.slot, now_);
  gone_.push_back(held.id);
  done();
}

std::size_t simulator::backend_of(std::size_t which) const {
  return links_[leases_[which].id.index].where;
}

// Time.

void simulator::wake() {
  begin();
  tell("wake");
  book_.woken();
  pool_->wake(now_);
  done();
}

void simulator::stop() {
  begin();
  tell("stop");
  book_.stop_requested();
  pool_->request_stop();
  done();
}

void simulator::resize(std::uint32_t most) {
  begin();
  tell("resize to ", most);
  book_.resized(most);
  pool_->set_most(most);
  done();
}

void simulator::invalidate() {
  begin();
  tell("invalidate");
  book_.invalidated({});
  pool_->invalidate();
  done();
}

void simulator::invalidate(std::size_t which) {
  begin();
  tell("invalidate ", described_[which].key());
  if (pool_->invalidate(described_[which].key())) book_.invalidated(described_[which].key());
  done();
}

// Effects and answers.

simulator::link* simulator::link_of(core::slot_id id) {
  if (id.index >= links_.size() || !(links_[id.index].id == id)) return nullptr;
  return &links_[id.index];
}

bool simulator::is_cut(core::slot_id id) const {
  const auto* const its = const_cast<simulator*>(this)->link_of(id);
  return its && its->cut;
}

bool simulator::perform() {
  const auto waits_for_plan = std::any_of(
      owed_.begin(), owed_.end(), [](const answer& one) { return one.what == answer::kind::planned; });
  if (!has_pending_effects() || waits_for_plan) return false;
  const auto one = std::move(effects_[performed_++]);
  if (performed_ == effects_.size()) {
    effects_.clear();
    performed_ = 0;
  }
  switch (one.what) {
    case core::effect::kind::open: {
      if (one.slot.index >= links_.size()) links_.resize(one.slot.index + 1);
      const auto where = static_cast<std::size_t>(one.where->address.back() - '0');
      links_[one.slot.index] = {one.slot, where};
      owed_.push_back({answer::kind::connect, one.slot, where});
      break;
    }
    case core::effect::kind::close: {
      std::erase_if(
          owed_, [&](const answer& its) { return its.slot == one.slot && its.what == answer::kind::test; });
      const auto found = std::find_if(owed_.begin(), owed_.end(), [&](const answer& its) {
        return its.slot == one.slot && its.what == answer::kind::connect;
      });
      if (found != owed_.end())
        found->what = answer::kind::cancelled;
      else
        owed_.push_back({answer::kind::close, one.slot});
      break;
    }
    case core::effect::kind::watch:
      owed_.push_back({answer::kind::watch, one.slot});
      break;
    case core::effect::kind::check:
    case core::effect::kind::reset:
      ++tests_;
      owed_.push_back({answer::kind::test, one.slot, links_[one.slot.index].where});
      break;
    case core::effect::kind::plan:
      pool_->make_plan();
      owed_.push_back({answer::kind::planned});
      break;
    case core::effect::kind::run_resolver:
      resolver_due_ = true;
      break;
    default:
      break;
  }
  return true;
}

bool simulator::can_answer(const answer& one) const {
  const bool asks = one.what == answer::kind::connect || one.what == answer::kind::test;
  return !asks || manners_[one.where] != manner::hangs;
}

void simulator::fire(link& one) {
  if (!one.armed) return;
  one.armed = false;
  owed_.push_back({answer::kind::fire, one.id});
}

void simulator::cut_all() {
  for (std::size_t i = 0; i < backends; ++i) cut(i, UINT32_MAX);
}

void simulator::cut(std::size_t which, std::uint32_t connections) {
  for (auto& its : links_) {
    const auto* const known = book_.find(its.id);
    if (!known || known->now == core::slot_state::connecting || known->now == core::slot_state::closing)
      continue;
    if (its.where != which || connections == 0) continue;
    --connections;
    its.cut = true;
    fire(its);
  }
}

void simulator::fire_watch(std::size_t which) {
  auto& its = links_[which % links_.size()];
  const auto* const known = book_.find(its.id);
  if (known && (known->now == core::slot_state::claimed || known->now == core::slot_state::idle)) fire(its);
}

void simulator::watched(core::slot_id id) {
  if (auto* const its = link_of(id)) {
    its->armed = setting_.watched;
    if (its->cut) fire(*its);
  }
}

void simulator::give(std::size_t which, unsigned variant) {
  auto one = owed_[which];
  owed_.erase(owed_.begin() + static_cast<std::ptrdiff_t>(which));
  if (one.what == answer::kind::connect && !((manners_[one.where] == manner::accepts) != (variant == 11)))
    one.what = answer::kind::cancelled, variant = 0;
  begin();
  switch (one.what) {
    case answer::kind::cancelled:
      if (variant % 3 == 1) {
        one.what = answer::kind::connect;
      } else {
        tell(named(one.slot), variant % 3 == 0 ? " failed to connect" : " closed while it connected");
        gone_.push_back(one.slot);
        if (variant % 3 == 0) {
          const bool permanent = manners_[one.where] == manner::forbids;
          book_.connect_failed(one.slot, permanent);
          pool_->connect_failed(one.slot,
                                boost::system::errc::make_error_code(boost::system::errc::connection_refused),
                                permanent, now_);
        } else {
          book_.closed(one.slot);
          pool_->closed(one.slot, now_);
        }
        break;
      }
      [[fallthrough]];
    case answer::kind::connect:
      tell(named(one.slot), " connected");
      if (auto* const its = link_of(one.slot)) its->armed = setting_.watched;
      book_.connected(one.slot);
      pool_->connected(one.slot, now_);
      break;
    case answer::kind::close:
      tell(named(one.slot), " closed");
      gone_.push_back(one.slot);
      if (auto* const its = link_of(one.slot)) its->armed = false;
      book_.closed(one.slot);
      pool_->closed(one.slot, now_);
      break;
    case answer::kind::watch:
      tell(named(one.slot), " is watched");
      watched(one.slot);
      book_.watched(one.slot);
      pool_->watched(one.slot, now_);
      break;
    case answer::kind::fire:
      tell(named(one.slot), " fired its watch");
      book_.fired(one.slot);
      pool_->watch_fired(one.slot, now_);
      break;
    case answer::kind::test: {
      const auto* const its = link_of(one.slot);
      const bool well = variant != 11 && !(its && its->cut);
      tell(named(one.slot), well ? " is well" : " is not well");
      book_.test_ended(one.slot, well);
      pool_->test_ended(
          one.slot,
          well ? error_code{} : boost::system::errc::make_error_code(boost::system::errc::connection_reset),
          now_);
      break;
    }
    case answer::kind::planned:
      if (variant == 11) {
        tell("the plan failed");
        book_.plan_failed();
        pool_->plan_failed(now_);
      } else {
        tell("planned");
        book_.planned();
        pool_->planned();
      }
      break;
  }
  done();
}

bool simulator::answer_one(unsigned variant) {
  for (std::size_t i = 0; i < owed_.size(); ++i)
    if (can_answer(owed_[i])) {
      give(i, variant);
      return true;
    }
  return false;
}

bool simulator::answer_plan() {
  const auto found = std::find_if(owed_.begin(), owed_.end(),
                                  [](const answer& one) { return one.what == answer::kind::planned; });
  if (found == owed_.end()) return false;
  give(static_cast<std::size_t>(found - owed_.begin()), 0);
  return true;
}

void simulator::stale(unsigned variant) {
  if (gone_.empty()) return;
  const auto id = gone_[variant % gone_.size()];
  const auto before = pool_->stats();
  const auto next = pool_->next_wake();
  begin();
  tell("a stale event of ", named(id));
  if (variant % 6 == 0) pool_->connected(id, now_);
  if (variant % 6 == 1) pool_->connect_failed(id, errc::connect_failed, false, now_);
  if (variant % 6 == 2) pool_->closed(id, now_);
  if (variant % 6 == 3) pool_->watched(id, now_);
  if (variant % 6 == 4) pool_->watch_fired(id, now_);
  if (variant % 6 == 5) pool_->test_ended(id, errc::connection_broken, now_);
  std::vector<core::effect> effects;
  pool_->take_effects(effects);
  const auto afterwards = pool_->stats();
  demand(effects.empty() && !pool_->take_finished(), "an event of an older generation has no effect");
  demand(before.slots == afterwards.slots && before.counters == afterwards.counters &&
             next == pool_->next_wake(),
         "an event of an older generation changes nothing");
  done();
}

void simulator::drain() {
  // Timers, the sweep, that of leases, the shuffle, trimming, and a rebalance with the one that is owed and
  // the one that is due.
  const auto stats = pool_->stats();
  const auto slots = links_.size() + setting_.max_connections + setting_.per_pool;
  const auto waiting =
      static_cast<std::size_t>(std::count_if(waiters_.begin(), waiters_.end(), [](const auto& who) {
        return who->now == core::waiter::state::waiting;
      }));
  const auto steps = 5 * slots + waiting + 10 * (stats.backends.size() + 1);
  const auto most = steps / setting_.slice + 10;
  for (std::size_t wakes = 0;; ++wakes) {
    while (perform() || answer_plan()) {
    }
    if (pool_->next_wake() > now_) return;
    demand(wakes < most, "work in slices ends");
    wake();
  }
}

void simulator::claim_all(unsigned waiters, time_point deadline) {
  while (try_take()) {
  }
  for (unsigned i = 0; i < waiters; ++i) claim(deadline);
}

void simulator::announce_anew(std::size_t which, unsigned slices) {
  remove(which);
  wait(setting_.options().rebalance_delay);
  for (unsigned i = 0; i < slices; ++i) wake();
  add(which, described_[which].weight, described_[which].priority);
}

void simulator::settle() {
  for (int rounds = 0;; ++rounds) {
    demand(rounds < 100000, "the pool comes to rest");
    if (perform()) continue;
    if (answer_one(0)) continue;
    if (resolver_due_) begin_resolver_run();
    if (pool_->next_wake() > now_) return;
    wake();
  }
}

bool simulator::live_until(duration length, const std::function<bool()>& done_already) {
  const auto end = after(now_, length);
  for (;;) {
    settle();
    if (done_already()) return true;
    if (now_ >= end) return false;
    now_ = std::min(pool_->next_wake(), end);
  }
}

void simulator::live(duration length) {
  live_until(length, [] { return false; });
}

// The script.

void simulator::step(const op& one) {
  const auto pick = [&](std::size_t size) { return one.a % size; };
  switch (one.kind) {
    case op_kind::tick:
      if (const auto next = pool_->next_wake(); next == never_comes)
        now_ += 10ms;
      else
        now_ = std::max(now_, next);
      return wake();
    case op_kind::wait:
      return wait(lengths[one.b < 2 ? one.a : one.a % 9]);
    case op_kind::wake:
      return wake();
    case op_kind::perform:
      perform();
      return;
    case op_kind::answer:
      if (owed_.empty()) return;
      if (const auto which = pick(owed_.size()); can_answer(owed_[which])) give(which, one.b);
      return;
    case op_kind::settle:
      return settle();
    case op_kind::claim:
      claim(one.b < 4 ? never_comes : after(now_, lengths[one.b - 4U] - 1ms));
      return;
    case op_kind::try_claim: {
      if (try_take()) return;
      begin();
      error_code why;
      auto* const slot = pool_->try_claim(why);
      tell("try to claim");
      book_.tried(slot);
      demand((slot != nullptr) == !why, "a claim that fails says why");
      demand(slot || why == (book_.stopping()                       ? errc::stopped
                             : pool_->state() == pool_state::failed ? errc::all_dead
                             : book_.refuses_empty()                ? errc::no_backend
                                                                    : errc::none_idle),
             "try_claim says why");
      if (slot) keep_lease(slot);
      return done();
    }
    case op_kind::cancel:
      if (!waiters_.empty())
        cancel(*waiters_[waiters_.size() - 1 - pick(std::min<std::size_t>(waiters_.size(), 8))]);
      return;
    case op_kind::release:
      if (leases_.empty()) return;
      if (one.b == 11) return detach(pick(leases_.size()));
      return release(pick(leases_.size()), one.b == 10  ? ending::discarded
                                           : one.b == 9 ? ending::broken
                                                        : ending::good);
    case op_kind::add:
      return add(pick(backends), one.b < 6 ? 1 : one.b - 6U, one.b == 11 ? 1 : 0);
    case op_kind::remove:
      return remove(pick(backends));
    case op_kind::change:
      return change(pick(backends), one.b % 4U, one.b == 11 ? 1 : 0, one.b == 3 ? one.a + 1 : 0);
    case op_kind::refresh:
      return restart_resolver(one.a * 5U + one.b);
    case op_kind::give_up:
      if (!resolver_runs_) return;
      resolver_runs_ = false;
      begin();
      tell("the resolver gives up");
      book_.resolver_ended();
      pool_->resolver_ended(errc::resolver_failed, now_);
      return done();
    case op_kind::nonsense:
      return nonsense(one.b);
    case op_kind::mode:
      behave(pick(backends), one.b < 7    ? manner::accepts
                             : one.b < 9  ? manner::hangs
                             : one.b < 11 ? manner::refuses
                                          : manner::forbids);
      return;
    case op_kind::cut:
    case op_kind::fire: {
      if (links_.empty()) return;
      auto& its = links_[pick(links_.size())];
      const auto* const known = book_.find(its.id);
      if (!known || known->now == core::slot_state::connecting || known->now == core::slot_state::closing)
        return;
      // A watch that fires a second time on a connection that lies idle means its end.
      const bool again = known->looks > 0 && known->claims == known->watched_at;
      if (one.kind == op_kind::cut || (known->now == core::slot_state::idle && again)) its.cut = true;
      return fire(its);
    }
    case op_kind::invalidate:
      if (one.b < 6) return invalidate();
      return invalidate(pick(backends));
    case op_kind::resize:
      return resize(1 + one.a % setting_.max_connections);
    case op_kind::wait_ready:
      wait_ready(1 + one.a % setting_.max_connections,
                 one.b < 4 ? never_comes : after(now_, lengths[one.b - 4U] - 1ms));
      return;
    case op_kind::stale:
      return stale(one.a + one.b);
    case op_kind::stop:
      stop();
      if (one.b < 4) wait_stopped(one.a < 6 ? never_comes : after(now_, lengths[one.a - 6U]));
      return;
    case op_kind::claim_all:
      return claim_all(one.b < 6 ? 0 : 4U * one.b,
                       one.a < 2 ? never_comes : after(now_, lengths[one.a % 9U]));
    case op_kind::release_all:
      for (auto left = leases_.size() * (12 - one.a) / 12; left > 0; --left)
        release(one.b % leases_.size(), ending::good);
      return;
    case op_kind::announce_anew:
      return announce_anew(pick(backends), one.b);
    case op_kind::drain:
      return drain();
  }
}

void simulator::heal() {
  if (book_.stopping()) return;
  if (book_.most() != setting_.max_connections) resize(setting_.max_connections);
  std::fill(manners_.begin(), manners_.end(), manner::accepts);
  is_lazy_ = false;
  perform_all();
  const auto options = setting_.options();
  const auto& recovery = options.recovery.usual;
  const auto delay = duration{
      static_cast<duration::rep>(static_cast<double>(recovery.max_delay.count()) * (1.0 + recovery.spread))};
  // As many as are missing at the most, one after the other; and as many that were opened before.
  const auto budget = options.max_churn_rate
                          ? duration{2s} / *options.max_churn_rate *
                                (2 * options.max_connections + options.max_connecting.per_pool)
                          : duration{};
  // The broken are noticed, then a rebalance in progress and the one after it, then one delay.
  const auto checks = setting_.checked && setting_.check_ms != 0
                          ? 2 * (options.check_interval + options.check_timeout)
                          : duration{};
  // What was in use is forgotten.
  const auto shrinking = options.spares ? duration{10s} : duration{};
  const auto bound =
      2 * options.watch_delay + 2 * options.rebalance_delay + checks + shrinking + delay + budget + 1ms;
  auto end = after(now_, bound);
  for (auto regroups = book_.regroups();;) {
    settle();
    if (std::exchange(regroups, book_.regroups()) != book_.regroups()) end = after(now_, bound);
    bool again = false;
    while (!leases_.empty()) {
      release(0);
      again = true;
    }
    if (again) continue;
    if (now_ >= end) break;
    now_ = std::min(pool_->next_wake(), end);
  }
  // Where connections age, one may just be on its way.
  if (options.max_lifetime != no_limit || options.max_idle != no_limit)
    live_until(bound, [&] {
      const auto stats = pool_->stats();
      return stats.slots.idle == stats.target &&
             std::all_of(stats.backends.begin(), stats.backends.end(),
                         [](const backend_stats& row) { return row.slots.total() == row.planned; });
    });
  book_.check_quiet(*pool_);
  if (setting_.watched || (setting_.checked && setting_.check_ms != 0))
    for (const auto& its : links_)
      if (const auto* const known = book_.find(its.id))
        demand(known->now != core::slot_state::idle || !its.cut, "R11: a broken connection is noticed");
}

void simulator::finish() {
  if (!book_.stopping()) stop();
  is_lazy_ = false;
  perform_all();
  for (int rounds = 0;; ++rounds) {
    demand(rounds < 10000, "R15: a stop ends");
    settle();
    if (leases_.empty()) break;
    release(0);
  }
  demand_equal(book_.total(), 0, "R15: nothing is left");
  demand_equal(book_.opened(), book_.closed(), "R14: opened = closed at the end");
  demand(pool_->state() == pool_state::stopped, "R15: stopped");
  wait(8760h);
  demand(pool_->next_wake() == never_comes, "R15: no timer is armed after stop");
  for (const auto& who : waiters_)
    demand(who->now == core::waiter::state::finished, "R15: stop ends every wait");
}

namespace {

std::map<const composition*, int> tally;

}  // namespace

std::map<const composition*, int> take_tally() {
  return std::exchange(tally, {});
}

void check_run(const setting& what, const std::function<void(simulator&)>& play) {
  ++tally[what.policies];
  try {
    simulator world{what};
    play(world);
  } catch (const rule_broken& broken) {
    simulator again{what, true};
    std::string why = broken.what();
    try {
      play(again);
      why += " (not so the second time: R16 is broken too)";
    } catch (const rule_broken&) {
    }
    throw std::logic_error{why + again.history()};
  }
}

}  // namespace cueball::laws
