// SPDX-License-Identifier: BSL-1.0
/// \file
/// The script, what the user notes, and what has to hold.

#include "world.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <ostream>
#include <string_view>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/error.hpp>

#include <cueball/connection_set.hpp>
#include <cueball/decoherence/jittered.hpp>
#include <cueball/laws/draw.hpp>
#include <cueball/laws/rule_broken.hpp>

#include <shell/threading.hpp>

namespace cueball::laws::set {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

const error_code refused = boost::asio::error::connection_refused;
const error_code aborted = boost::asio::error::operation_aborted;

template <class Set>
class any_set_of final : public any_set {
 public:
  any_set_of(world& outside, scheduler& on, const setting& what, std::shared_ptr<int> alive)
      : set_(
            on, resolver{outside},
            [&outside, alive](const backend& where) { return connection{outside, where}; }, what.options(),
            decoherence::jittered{milliseconds{what.decoherence_ms}}) {}

  std::optional<change> try_next() override { return set_.try_next(); }
  void async_next(scheduler::executor_type on, boost::asio::cancellation_slot cancel,
                  std::function<void(error_code, change)> done) override {
    set_.async_next(boost::asio::bind_cancellation_slot(cancel, boost::asio::bind_executor(on, done)));
  }
  std::vector<member> members() const override { return set_.members(); }
  void request_stop() override { set_.request_stop(); }
  void async_stop(duration length, scheduler::executor_type on,
                  std::function<void(error_code, std::size_t)> done) override {
    set_.async_stop(length, boost::asio::bind_executor(on, done));
  }
  void invalidate() override { set_.invalidate(); }
  void set_target(std::uint32_t target) override { set_.set_target(target); }
  pool_stats stats() const override { return set_.stats(); }

 private:
  Set set_;
};

template <class Threading>
std::unique_ptr<any_set> make(world& outside, scheduler& on, const setting& what,
                              std::shared_ptr<int> alive) {
  return std::make_unique<any_set_of<connection_set<connection, Threading, decoherence::jittered>>>(
      outside, on, what, std::move(alive));
}

backend at(std::uint16_t port) {
  return {"10.0.0.1", port};
}

}  // namespace

// The case.

connection_set_options setting::options() const {
  connection_set_options all;
  all.target = target;
  all.rebalance_delay = milliseconds{rebalance_ms};
  all.max_connecting = {2, per_pool};
  if (lifetime_ms > 0) all.max_lifetime = milliseconds{lifetime_ms};
  all.recovery.usual = {.retries = 3,
                        .timeout = milliseconds{timeout_ms},
                        .max_timeout = milliseconds{2 * timeout_ms},
                        .delay = 50ms,
                        .max_delay = milliseconds{max_delay_ms}};
  all.recovery.stable_after = 200ms;
  all.seed = seed;
  return all;
}

std::ostream& operator<<(std::ostream& out, const setting& shown) {
  return out << "{.lock_free = " << shown.lock_free << ", .threads = " << shown.threads
             << ", .dispatches = " << shown.dispatches << ", .prompt = " << shown.prompt
             << ", .seed = " << shown.seed << ", .target = " << shown.target << ", .warm = " << shown.warm
             << ", .per_pool = " << shown.per_pool << ", .rebalance_ms = " << shown.rebalance_ms
             << ", .timeout_ms = " << shown.timeout_ms << ", .max_delay_ms = " << shown.max_delay_ms
             << ", .lifetime_ms = " << shown.lifetime_ms << ", .decoherence_ms = " << shown.decoherence_ms
             << "}";
}

std::ostream& operator<<(std::ostream& out, const op& shown) {
  constexpr std::array<std::string_view, 20> names{"run",    "tick",       "wait",   "fire", "add",
                                                   "remove", "mode",       "next",   "take", "cancel",
                                                   "let_go", "release",    "broken", "cut",  "give_up",
                                                   "fail",   "invalidate", "target", "stop", "async_stop"};
  return out << "{op_kind::" << names[static_cast<std::size_t>(shown.kind)] << ", " << int{shown.a} << "}";
}

rc::Gen<setting> any_setting() {
  using rc::gen::set;
  return rc::gen::build<setting>(
      set(&setting::lock_free, rc::gen::arbitrary<bool>()),
      set(&setting::threads, rc::gen::arbitrary<bool>()),
      set(&setting::dispatches, rc::gen::arbitrary<bool>()),
      set(&setting::prompt, rc::gen::arbitrary<bool>()), set(&setting::seed, number<std::uint64_t>(0, 1001)),
      set(&setting::target, number<std::uint32_t>(1, 7)), set(&setting::warm, number<std::uint32_t>(0, 6)),
      set(&setting::per_pool, number<std::uint32_t>(1, 6)), set(&setting::rebalance_ms, one_of({10, 1, 100})),
      set(&setting::timeout_ms, one_of({50, 1000})), set(&setting::max_delay_ms, one_of({400, 2000})),
      set(&setting::lifetime_ms, one_of({0, 0, 300})),
      set(&setting::decoherence_ms, one_of({1000, 100, 3600000})));
}

rc::Gen<script> any_script(double length, happens with) {
  using kind = op_kind;
  const std::size_t some = with == happens::growth ? 0 : 1;
  const std::size_t stops = with == happens::stops ? 1 : 0;
  std::vector<op_kind> table;
  for (const auto& [weight, what] : std::vector<std::pair<std::size_t, op_kind>>{{18, kind::run},
                                                                                 {12, kind::tick},
                                                                                 {4 * some, kind::wait},
                                                                                 {4, kind::fire},
                                                                                 {7, kind::add},
                                                                                 {4 * some, kind::remove},
                                                                                 {6 * some, kind::mode},
                                                                                 {12, kind::next},
                                                                                 {4, kind::take},
                                                                                 {2, kind::cancel},
                                                                                 {10, kind::let_go},
                                                                                 {3, kind::release},
                                                                                 {4 * some, kind::broken},
                                                                                 {4 * some, kind::cut},
                                                                                 {2 * some, kind::give_up},
                                                                                 {1 * some, kind::fail},
                                                                                 {2 * some, kind::invalidate},
                                                                                 {2 * some, kind::target},
                                                                                 {stops, kind::stop},
                                                                                 {stops, kind::async_stop}})
    table.insert(table.end(), weight, what);
  const auto one = rc::gen::build<op>(rc::gen::set(&op::kind, rc::gen::elementOf(table)),
                                      rc::gen::set(&op::a, number<std::uint8_t>(0, 13)));
  return rc::gen::scale(length, rc::gen::container<script>(one));
}

// What the set meets.

connection::connection(world& of, const backend& where) : world_(&of), link_(nullptr) {
  of.user_call();
  of.demand(!of.stopping_, "R15: nothing is made after stop");
  auto& its = of.links_.emplace_back();
  its.number = static_cast<std::uint32_t>(of.links_.size());
  its.port = where.port;
  link_ = &its;
}

connection::connection(connection&& other) noexcept
    : world_(other.world_), link_(std::exchange(other.link_, nullptr)) {
  world_->user_call();
}

connection::~connection() {
  if (!link_) return;
  auto& of = *world_;
  of.user_call();
  link_->alive = false;
  const auto watch = std::move(link_->end);
  if (of.dropping_) return;
  of.demand(link_->closed || !link_->up, "what is up is closed before it is destroyed");
  of.demand(!link_->connect, "what is being connected is not destroyed");
  for (const auto& one : of.held_)
    of.demand(one.backend().port != link_->port || &one->of() != link_, "what the user has is not destroyed");
  if (watch) watch->complete(aborted, {});
}

void connection::connecting(std::unique_ptr<operation> what) {
  world_->user_call();
  link_->connect = std::move(what);
  switch (world_->sites_[link_->port].how) {
    case world::manner::accepts:
      return world_->answer(*link_, {});
    case world::manner::refuses:
      return world_->answer(*link_, refused);
    case world::manner::slow:
      world_->slow_.emplace_back(virtual_clock::now() + 30ms, link_);
      return;
    case world::manner::hangs:
      return;
  }
}

void connection::cancel(world& of, link& its) {
  of.user_call();
  of.answer(its, aborted);
}

void connection::watching(std::unique_ptr<operation> what) {
  world_->user_call();
  world_->demand(link_->up && !link_->end, "what is up is watched once");
  link_->end = std::move(what);
  if (link_->cut) world_->end(*link_);
}

void connection::close() noexcept {
  auto& of = *world_;
  of.user_call();
  const bool is_held = std::any_of(of.held_.begin(), of.held_.end(),
                                   [this](const member& one) { return &one->of() == link_; });
  of.demand(!is_held || virtual_clock::now() >= of.stop_deadline_,
            "what the user has is closed at the deadline of a stop only");
  link_->closed = true;
  of.answer(*link_, aborted);
  of.end(*link_);
}

void resolver::running(const resolver_sink& sink, std::unique_ptr<operation> what) {
  world_->user_call();
  world_->demand(!world_->run_, "the resolver has one run at a time");
  world_->run_ = std::move(what);
  world_->sink_ = sink;
  for (const auto& [port, its] : world_->sites_)
    if (its.known) sink.added(at(port));
  sink.round_done();
}

void resolver::cancel(world& of) {
  of.user_call();
  of.end_run(aborted);
}

// The world.

world::world(const setting& what) : setting_(what), random_(what.seed + 1) {
  shell::held_locks::count = 0;
  shell::held_locks::relocked = false;
  virtual_clock::current = time_point{} + 1h;
  scheduler_ = std::make_unique<scheduler>(!what.threads, what.dispatches);
  for (std::uint16_t port = 1; port <= ports; ++port) sites_[port].known = port <= what.warm;
  set_ = !what.threads    ? make<shell::one_thread>(*this, *scheduler_, what, life_)
         : what.lock_free ? make<shell::no_locks>(*this, *scheduler_, what, life_)
                          : make<shell::many_threads>(*this, *scheduler_, what, life_);
  if (what.warm > 0) {
    heal(0);
    if (!is_over()) hear_all();
  }
}

world::~world() {
  dropping_ = true;
  held_.clear();
  set_.reset();
  for (auto& its : links_) {
    its.connect.reset();
    its.end.reset();
  }
  run_.reset();
  scheduler_.reset();
}

void world::demand(bool holds, const char* rule) noexcept {
  if (!holds && !broken_) broken_ = rule;
}

void world::must(bool holds, const char* rule) {
  demand(holds, rule);
  if (shell::held_locks::relocked) demand(false, "no mutex is locked twice");
  if (broken_) throw rule_broken{broken_};
}

void world::user_call() noexcept {
  demand(shell::held_locks::count == 0, "R12: no user code runs under a lock of the set");
}

std::size_t world::known() const noexcept {
  return static_cast<std::size_t>(
      std::count_if(sites_.begin(), sites_.end(), [](const auto& each) { return each.second.known; }));
}

void world::play(const script& ops) {
  for (const auto& one : ops) {
    step(one);
    if (setting_.prompt) hear_all();
    must(true, "");
  }
}

void world::run_one() {
  scheduler_->run(random_.below(static_cast<std::uint32_t>(scheduler_->ready())));
  if (setting_.prompt && set_) hear_all();
  if (never_fewer && !waits_) {
    demand(members_.size() >= fewest_, "R5: make before break, where both can be reached");
    fewest_ = std::max(fewest_, std::min<std::size_t>(members_.size(), set_->stats().target));
  }
}

void world::settle() {
  for (int rounds = 0; !is_over(); ++rounds) {
    demand(rounds < 100000, "the set comes to rest");
    scheduler_->fire_timers();
    for (auto& [when, its] : slow_)
      if (its && when <= virtual_clock::now()) {
        const bool refuses = sites_[its->port].how == manner::refuses;
        answer(*std::exchange(its, nullptr), refuses ? refused : error_code{});
      }
    std::erase_if(slow_, [](const auto& each) { return !each.second; });
    if (scheduler_->ready() == 0) return;
    run_one();
  }
}

void world::pass(duration length) {
  const auto until = virtual_clock::now() + length;
  for (settle(); virtual_clock::now() < until && !is_over(); settle()) {
    auto next = std::min(until, scheduler_->next_timer());
    for (const auto& [when, its] : slow_) next = std::min(next, when);
    virtual_clock::current = std::max(virtual_clock::current, next);
  }
}

void world::step(const op& one) {
  const auto port = static_cast<std::uint16_t>(1 + one.a % ports);
  constexpr std::array<duration, 5> lengths{1ms, 10ms, 50ms, 400ms, 3s};
  switch (one.kind) {
    case op_kind::run:
      if (scheduler_->ready() > 0) run_one();
      return;
    case op_kind::tick:
      return pass(lengths[one.a % lengths.size()]);
    case op_kind::wait:
      virtual_clock::current += lengths[one.a % lengths.size()];
      return;
    case op_kind::fire:
      return scheduler_->fire_timers();
    case op_kind::add:
      return add(port);
    case op_kind::remove:
      return remove(port);
    case op_kind::mode:
      sites_[port].how = static_cast<manner>(one.a % 4);
      return;
    case op_kind::next:
      return begin_next();
    case op_kind::take:
      if (!waits_)
        if (auto what = set_->try_next()) heard(std::move(*what), true);
      return;
    case op_kind::cancel:
      if (waits_) signal_.emit(boost::asio::cancellation_type::all);
      return;
    case op_kind::let_go:
      return let_go(one.a, false);
    case op_kind::release:
      return let_go(one.a, true);
    case op_kind::broken:
      if (!held_.empty()) held_[one.a % held_.size()].broken();
      return;
    case op_kind::cut:
      for (auto& its : links_)
        if (its.port == port && its.up && its.alive) {
          its.cut = true;
          end(its);
        }
      return;
    case op_kind::give_up:
      return end_run(refused);
    case op_kind::fail:
      if (sink_) sink_->failed(refused, "the script says no");
      return;
    case op_kind::invalidate:
      return set_->invalidate();
    case op_kind::target:
      target_ = 1 + one.a % setting_.target;
      return set_->set_target(target_);
    case op_kind::stop:
      return request_stop();
    case op_kind::async_stop:
      stopping_ = true;
      ++stops_;
      stop_deadline_ = std::min(stop_deadline_, virtual_clock::now() + lengths[one.a % lengths.size()]);
      return set_->async_stop(lengths[one.a % lengths.size()], scheduler_->get_executor(),
                              [this, alive = life_, until = virtual_clock::now() + lengths[one.a % 5]](
                                  error_code error, std::size_t left) {
                                user_call();
                                --stops_;
                                demand(!error, "R15: a stop succeeds");
                                demand(left == 0 || virtual_clock::now() >= until || !set_,
                                       "R15: a stop ends at its deadline, or with nothing left");
                                for (const auto& each : held_)
                                  demand(left == 0 || !set_ || each->of().closed,
                                         "what is held is closed at the deadline of a stop");
                              });
  }
}

// The resolver.

void world::add(std::uint16_t port) {
  sites_[port].known = true;
  if (run_ && sink_) sink_->added(at(port));
}

void world::remove(std::uint16_t port) {
  if (!sites_[port].known) return;
  sites_[port].known = false;
  if (run_ && sink_) sink_->removed(at(port));
}

void world::end_run(error_code error) {
  if (const auto ended = std::move(run_)) ended->complete(error, {});
}

// Connections.

void world::answer(link& its, error_code error) {
  const auto ended = std::move(its.connect);
  if (ended) ended->complete(error, [&its, error] { its.up = !error; });
}

void world::end(link& its) {
  if (const auto ended = std::move(its.end)) ended->complete({}, {});
}

// The user.

void world::begin_next() {
  if (std::exchange(waits_, true)) return;
  set_->async_next(scheduler_->get_executor(), signal_.slot(),
                   [this, alive = life_](error_code error, change what) {
                     user_call();
                     demand(waits_, "a handler is called once");
                     waits_ = false;
                     last_ = error;
                     demand(error.failed() == !what.where, "a wait gives a change or an error");
                     demand(error != errc::stopped || stopping_, "only a stop stops");
                     demand(error != errc::stopped || members_.empty(),
                            "who is told that the set was stopped has heard of everything");
                     if (!error) heard(std::move(what), false);
                   });
}

void world::hear_all() {
  if (waits_ || !set_) return;
  const auto most = members_.size() + setting_.target + setting_.per_pool;
  std::size_t count = 0;
  for (; auto what = set_->try_next(); ++count) heard(std::move(*what), true);
  demand(count <= most, "no more is kept than the members that he knows, and those that there are");
}

void world::heard(change what, bool at_once) {
  const auto key = what.where->key();
  if (what.is_added()) {
    demand(!stopping_ || !members_.contains(key), "nobody is added beside itself");
    demand(static_cast<bool>(what.member), "what is added is there");
    demand(!members_.contains(key), "no backend has two members");
    if (is_over()) return;
    auto& its = what.member->of();
    demand(its.up && its.alive, "what is added is up");
    demand(!its.closed || virtual_clock::now() >= stop_deadline_,
           "what is added is open, unless a stop's deadline passed while the news was under way");
    demand(!its.added, "each member is added once");
    demand(its.port == what.where->port, "a member knows its backend");
    its.added = true;
    members_[key] = &its;
    held_.push_back(std::move(what.member));
    demand(members_.size() <= setting_.target + setting_.per_pool,
           "beyond the target there are only replacements");
    return;
  }
  const auto found = members_.find(key);
  demand(found != members_.end(), "what is removed was added before");
  if (is_over()) return;
  auto& its = *found->second;
  demand(!its.removed, "each member is removed once");
  demand(!what.member || its.released || &what.member->of() == &its, "it is the member that is removed");
  const bool has_it =
      std::any_of(held_.begin(), held_.end(), [&](const member& one) { return &one->of() == &its; });
  demand(!has_it || what.member, "who has a member can use it until he lets it go");
  demand(has_it || !at_once || !what.member, "what nobody has is closed when it is removed");
  its.removed = true;
  members_.erase(found);
}

void world::let_go(std::size_t which, bool at_once) {
  if (held_.empty()) return;
  const auto at = held_.begin() + static_cast<std::ptrdiff_t>(which % held_.size());
  auto mine = std::move(*at);
  held_.erase(at);
  if (at_once) {
    mine->of().released = true;
    mine.release();
  }
}

// What has to become of it.

duration world::time_to_heal() const {
  const auto attempt = milliseconds{2 * setting_.timeout_ms} + milliseconds{setting_.max_delay_ms * 6 / 5};
  // One after the other may be tried until it is dead; and as long again for who is dead to be probed.
  return attempt * 3 * (ports + 1) + milliseconds{setting_.rebalance_ms} * 4 + 1s;
}

void world::heal(std::uint32_t unreachable) {
  for (auto& [port, its] : sites_)
    its.how = (unreachable >> port) % 2 == 1 ? manner::refuses : manner::accepts;
  settle();  // what is connected already, and nobody knows it yet
  for (auto& each : links_)
    if (each.up && sites_[each.port].how == manner::refuses) {
      each.cut = true;
      end(each);
    }
  // Whatever hangs is given up in its time.
  pass(time_to_heal());
  std::size_t live = 0;
  for (const auto& [port, its] : sites_) live += its.known && its.how == manner::accepts ? 1 : 0;
  const auto due = std::min<std::size_t>(live, target_);
  // Where it is replaced all the time, one may be missing for as long as a connect takes, which is none.
  const auto up = [&] {
    if (!waits_) hear_all();
    return set_->stats().slots.claimed;
  };
  must(true, "");
  while (!held_.empty()) let_go(0, false);
  settle();
  must(up() == due, "R10: the set becomes whole: min(target, backends that can be reached)");
  if (waits_) return;
  hear_all();
  must(members_.size() == due, "R10: and its user hears of that");
  must(set_->members().size() == due, "members() are those of which he has heard");
  for (const auto& [key, its] : members_)
    must(sites_[its->port].known && sites_[its->port].how == manner::accepts, "members are of live backends");
}

void world::burst(const std::vector<std::uint8_t>& which) {
  for (const auto each : which) {
    const auto port = static_cast<std::uint16_t>(1 + each % ports);
    if (sites_[port].known)
      remove(port);
    else
      add(port);
  }
}

void world::request_stop() {
  stopping_ = true;
  set_->request_stop();
}

void world::finish() {
  settle();
  must(true, "");
  while (!held_.empty()) let_go(0, false);
  settle();
  must(true, "");
}

void world::stop_and_finish() {
  request_stop();
  settle();
  must(true, "");
  begin_next();
  for (int rounds = 0; !waits_ || last_ != errc::stopped; ++rounds) {
    must(rounds < 100, "R15: the user hears of the end");
    settle();
    if (last_ == errc::stopped) break;
    begin_next();
  }
  must(members_.empty(), "each member is removed in the end");
  finish();
  const auto now = set_->stats();
  must(now.state == pool_state::stopped && now.slots.total() == 0, "R15: nothing is left after stop");
  must(now.counters.opened == now.counters.closed, "R14: opened = closed at the end");
  must(stops_ == 0, "R15: every stop ends");
  must(scheduler_->next_timer() == never_comes, "R15: no timer is left");
  must(scheduler_->work() == 0, "R15: no work is left outstanding");
  must(!run_, "R15: the resolver has ended");
  for (const auto& its : links_) must(!its.alive, "every connection is destroyed");
  set_.reset();
  settle();
  must(life_.use_count() == 1, "nothing of the set is left");
}

void world::destroy_and_finish() {
  stopping_ = true;
  set_.reset();
  finish();
  must(!waits_ && stops_ == 0, "R15: every wait ends");
  must(scheduler_->next_timer() == never_comes, "R15: no timer is left");
  must(scheduler_->work() == 0, "R15: no work is left outstanding");
  for (const auto& its : links_) must(!its.alive, "every connection is destroyed");
  must(life_.use_count() == 1, "nothing of the set is left");
}

}  // namespace cueball::laws::set
