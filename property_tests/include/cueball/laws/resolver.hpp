// SPDX-License-Identifier: BSL-1.0
/// \file
/// The laws of a resolver.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>

#include <cueball/announcements.hpp>
#include <cueball/laws/backend_source.hpp>
#include <cueball/laws/law.hpp>
#include <cueball/laws/memory_connection.hpp>
#include <cueball/laws/mortal_resolver.hpp>
#include <cueball/laws/replay.hpp>
#include <cueball/laws/resolver_run.hpp>
#include <cueball/pool.hpp>
#include <cueball/resolver.hpp>

namespace cueball::laws {

/// What a resolver is held to.
struct resolver_terms {
  /// What it was told of this. What is missing goes after so many answers, and not before; so does all, when
  /// the answers are empty; a failure counts for neither.
  patience how{};

  /// How long it may take until an answer is announced, `patience` included.
  std::chrono::milliseconds limit = std::chrono::seconds{10};

  /// How long a run may take to end when it is told to, and to leave nothing under way.
  std::chrono::milliseconds stop_limit = std::chrono::seconds{5};

  /// How many changes of the source are tried; at first one of each kind.
  std::uint32_t changes = 40;

  /// Of what is drawn; 0: another one each time. What breaks a law names it.
  std::uint64_t seed = 0;
};

namespace detail {

template <class Condition>
bool in_time(std::chrono::milliseconds limit, const Condition& holds) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  return true;
}

/// The laws that need no change of the source. It has backends, if it is not to be expected that there are
/// none.
template <class Make>
class resolver_laws {
 public:
  using resolver = std::remove_cvref_t<std::invoke_result_t<const Make&>>;
  using run = resolver_run<resolver>;

  resolver_laws(const Make& make, const resolver_terms& terms) : make_(make), terms_(terms) {}

  std::shared_ptr<resolver> make() const { return std::make_shared<resolver>(make_()); }

  /// Until a run's backends are all named.
  replay::view settled(const replay& told, std::uint64_t rounds) const {
    auto now = told.wait_for(terms_.limit, [&](const replay::view& seen) { return seen.rounds >= rounds; });
    demand(now.rounds >= rounds, "a run names all, and says so, in time");
    return now;
  }

  void of_announcing() const {
    fact("a run announces each backend once, and says when it is done; so does the next one", [&] {
      const auto which = make();
      const auto told = std::make_shared<replay>();
      std::optional<run> first{std::in_place, which, told};
      const auto before = settled(*told, 1).known;
      first->stop(terms_.stop_limit);
      first.reset();
      told->take_told();
      run second{which, told};
      const auto after = settled(*told, 2);
      second.stop(terms_.stop_limit);
      if (after.known != before)
        throw rule_broken{"a run that is begun again names the same: first it was " + to_text(before) +
                          ", then " + to_text(after.known)};
      for (const auto& [key, where] : before)
        demand(after.told.contains(key) && after.told.at(key).added == 1, "each run announces all of them");
      told->look();
    });
  }

  /// \param when to be added to the sentences
  void of_ending(const std::string& when) const {
    fact("a run that is told to end at once does, and so does one after it" + when, [&] {
      const auto which = make();
      const auto told = std::make_shared<replay>();
      for (int i = 0; i < 2; ++i) {
        run one{which, told};
        one.stop(terms_.stop_limit);
      }
      told->look();
    });

    if constexpr (async_resolver<resolver>) {
      fact(
          "a run that is cancelled after any number of steps ends, once, and leaves nothing under way" + when,
          [&] { at_each_step([&](stepped& one) { one.cancel(terms_.stop_limit); }); });

      fact("a run whose context is destroyed after any number of steps goes with it, and its sink" + when,
           [&] {
             at_each_step([&](stepped& one) {
               one.destroy_context();
               demand(one.told.use_count() == 1, "nobody has the sink any more");
             });
           });
    }
  }

  void of_pools() const {
    fact("a run that dies is seen in the pool's snapshot, what it knew is kept, and it is run again", [&] {
      for (const auto& pause : {std::chrono::milliseconds{1}, std::chrono::milliseconds{3'600'000}}) {
        const auto end = std::make_shared<fate>();
        auto options = quick();
        options.recovery.dns = operation_recovery{.delay = pause, .max_delay = pause};
        cueball::pool<memory_connection> pool{mortal<resolver>{make_(), end}, options};
        const auto is_up = [&] { return pool.stats().resolver.state == resolver_state::following; };
        demand(in_time(terms_.limit, is_up), "in a pool, a run names all in time");
        const auto before = keys(pool);
        end->strike();
        if (pause.count() > 1) {
          demand(in_time(terms_.limit, [&] { return pool.stats().resolver.state == resolver_state::down; }),
                 "a run that died shows in the snapshot");
          const auto& seen = pool.stats().resolver;
          demand(seen.failures >= 1 && seen.last_error, "and so does why");
        } else {
          demand(in_time(terms_.limit, [&] { return pool.stats().resolver.runs >= 2 && is_up(); }),
                 "it is run again");
        }
        demand(keys(pool) == before, "its backends are kept");
      }
    });

    fact("reports to a pool that was stopped, or is gone, are harmless", [&] {
      const auto kept = std::make_shared<std::optional<resolver_sink>>();
      const auto report = [&] {
        const backend late{"10.99.99.99", 99};
        (*kept)->added(late);
        (*kept)->changed(late);
        (*kept)->removed(late);
        (*kept)->failed(make_error_code(errc::resolver_failed), "too late");
        (*kept)->round_done();
      };
      {
        cueball::pool<memory_connection> pool{tapped<resolver>{make_(), kept}, quick()};
        demand(
            in_time(terms_.limit, [&] { return pool.stats().resolver.state == resolver_state::following; }),
            "in a pool, a run names all in time");
        demand(pool.stop(terms_.stop_limit) == 0, "a pool of it stops in time");
        const auto failures = pool.stats().resolver.failures;
        report();
        const auto& after = pool.stats();
        demand(after.state == pool_state::stopped, "the pool stays stopped");
        demand(after.resolver.failures == failures, "nobody hears of what comes later");
      }
      report();
    });
  }

 private:
  /// One run, of which each step is taken here.
  struct stepped {
    stepped(std::shared_ptr<resolver> which, const std::shared_ptr<replay>& to)
        : told(std::make_shared<replay::run>(to)) {
      begin_run(*context, cancelled, std::move(which), told, end);
    }

    /// \return false if there was nothing to be done for a while
    bool step() { return context->run_one_for(std::chrono::milliseconds{20}) > 0; }

    void cancel(std::chrono::milliseconds limit) {
      const bool was_over = end->completions > 0;
      cancelled.emit(boost::asio::cancellation_type::all);
      context->restart();
      context->run_for(limit);
      check_end(*end, !was_over);
      demand(context->stopped(), "a run that is over leaves no work on its executor");
    }

    void destroy_context() { context.reset(); }

    boost::asio::cancellation_signal cancelled;  // outlives what is cancelled with it
    std::shared_ptr<replay::run> told;
    std::shared_ptr<run_end> end = std::make_shared<run_end>();
    std::unique_ptr<boost::asio::io_context> context = std::make_unique<boost::asio::io_context>(1);
  };

  /// At each of the first, and then at fewer and fewer.
  template <class Body>
  void at_each_step(const Body& body) const {
    constexpr int most = 60, each = 15, beyond = 3;
    for (int steps = 0, settled = 0; steps < most && settled < beyond; steps += 1 + steps / each * 5) {
      const auto told = std::make_shared<replay>();
      stepped one{make(), told};
      bool is_idle = false;
      for (int i = 0; i < steps && !is_idle; ++i) is_idle = !one.step();
      settled += told->look().rounds > 0;
      body(one);
      told->look();
    }
  }

  static pool_options quick() {
    return {.max_connections = 4, .rebalance_delay = std::chrono::milliseconds{1}};
  }

  static std::vector<std::string> keys(const cueball::pool<memory_connection>& pool) {
    std::vector<std::string> all;
    for (const auto& row : pool.stats().backends) all.push_back(row.key);
    std::sort(all.begin(), all.end());
    return all;
  }

  const Make& make_;
  const resolver_terms& terms_;
};

template <backend_source Source>
replay::counter counter_of(const Source& source) {
  if constexpr (counting_source<Source>)
    return [&source] { return static_cast<std::uint64_t>(source.asked()); };
  else
    return {};
}

/// Turns the source, and compares what is told with what it has.
template <class Make, backend_source Source>
class resolver_changes {
 public:
  resolver_changes(const resolver_laws<Make>& laws, Source& source, const resolver_terms& terms)
      : laws_(laws),
        source_(source),
        terms_(terms),
        draw_(terms.seed),
        candidates_(candidates_of(source)),
        which_(laws.make()) {}

  void try_all() {
    try {
      answer(some());
      begin();
      for (std::uint32_t i = 0; i < terms_.changes; ++i) change(i < kinds ? i : draw(2 * kinds));
      end();
    } catch (const rule_broken& broken) {
      throw rule_broken{broken.what() + ("\nwith seed " + std::to_string(terms_.seed)) + " after" + story_};
    }
  }

 private:
  static constexpr std::uint32_t kinds = 4;  ///< Of changes, beside the most usual one.

  std::uint32_t draw(std::uint32_t end) { return static_cast<std::uint32_t>(draw_() % end); }

  void tell(const std::string& what) { story_ += "\n  " + what; }

  std::vector<backend> some() {
    auto all = candidates_;
    std::shuffle(all.begin(), all.end(), draw_);
    all.resize(1 + draw(static_cast<std::uint32_t>(all.size())));
    std::vector<backend> drawn;
    for (const auto& [key, where] : by_key(all)) drawn.push_back(where);
    return drawn;
  }

  void change(std::uint32_t kind) {
    if (told_->take_told() != awaited_ && has_named_)
      throw rule_broken{"differences only: something was told though nothing had changed"};
    awaited_.clear();
    switch (kind) {
      case 0:
        tell("the same again");
        return turn(now_);
      case 1:
        return fail();
      case 2:
        return turn({});
      case 3:
        return restart(draw(2) == 0 ? now_ : draw(5) == 0 ? std::vector<backend>{} : some());
      default:
        return turn(some());
    }
  }

  void begin() {
    tell("a run begins");
    has_named_ = false;
    run_.emplace(which_, told_);
    settle();
    awaited_ = told_->look().told;
  }

  void end() {
    tell("it is told to end");
    run_->stop(terms_.stop_limit);
    run_.reset();
  }

  void answer(const std::vector<backend>& what) {
    tell("answer " + to_text(by_key(what)));
    now_ = what;
    is_believed_ = !what.empty() || terms_.how.empty != 0;
    if (is_believed_) expected_ = by_key(what);
    source_.answer(what);
  }

  /// The run goes on.
  void turn(const std::vector<backend>& what) {
    const auto before = expected_;
    const bool is_first = !has_named_;
    answer(what);
    settle();
    if (is_first) {
      awaited_ = told_->look().told;
      return;
    }
    for (const auto& [key, where] : expected_)
      if (const auto old = before.find(key); old == before.end())
        awaited_[key] = {.added = 1};
      else if (old->second != where)
        awaited_[key] = {.changed = 1};
    for (const auto& [key, where] : before)
      if (!expected_.contains(key)) awaited_[key] = {.removed = 1};
    if (const auto told = told_->look().told; told != awaited_)
      throw rule_broken{"differences only: this was to be told: " + to_text(awaited_) +
                        ", and this was: " + to_text(told)};
  }

  /// Until what is told is what the source has.
  void settle() {
    const auto rounds = rounds_ + (is_believed_ && !has_named_);
    const auto seen = told_->wait_for(terms_.limit, [&](const replay::view& all) {
      return all.known == expected_ && all.rounds >= rounds;
    });
    demand(seen.rounds >= rounds, "a run names all, and says so, in time");
    if (seen.known != expected_)
      throw rule_broken{"replayed, what was told is the answer: it is " + to_text(seen.known) +
                        ", and should be " + to_text(expected_)};
    rounds_ = seen.rounds;
    has_named_ = has_named_ || is_believed_;
    if constexpr (counting_source<Source>) {
      const std::uint64_t least =
          now_.empty() ? std::max(terms_.how.missing, terms_.how.empty) : terms_.how.missing;
      demand(seen.least_asked >= least, "what is missing goes when patience is over, and not before");
    }
    wait_for_questions(2);  // what is nothing new is looked at as well
  }

  /// Where these can be counted.
  void wait_for_questions(std::uint64_t count) {
    if constexpr (counting_source<Source>)
      demand(in_time(terms_.limit, [&] { return source_.asked() >= count; }), "it asks again, in time");
  }

  void fail() {
    if constexpr (failing_source<Source>) {
      tell("it fails");
      const auto before = told_->look();
      source_.fail();
      const auto is_heard = [&](const replay::view& all) { return all.failures > before.failures; };
      demand(is_heard(told_->wait_for(terms_.limit, is_heard)), "a failure is told, in time");
      wait_for_questions(2 + std::max(terms_.how.missing, terms_.how.empty));
      const auto after = told_->look();
      demand(after.known == before.known && after.told.empty(), "a failure changes no backend");
      if (draw(3) == 0) return restart(some());
      tell("it recovers");
      turn(draw(2) == 0 ? now_ : some());
    }
  }

  void restart(const std::vector<backend>& what) {
    end();
    answer(what);
    told_->take_told();
    begin();
    if (!is_believed_) return;
    const auto told = told_->look().told;
    for (const auto& [key, where] : expected_)
      demand(told.contains(key) && told.at(key).added == 1, "a run begins with all that there is");
  }

  const resolver_laws<Make>& laws_;
  Source& source_;
  const resolver_terms& terms_;
  std::mt19937_64 draw_;
  const std::vector<backend> candidates_;
  const std::shared_ptr<typename resolver_laws<Make>::resolver> which_;
  const std::shared_ptr<replay> told_ = std::make_shared<replay>(counter_of(source_));
  std::optional<typename resolver_laws<Make>::run> run_;
  std::vector<backend> now_;  ///< What the source says.
  bool is_believed_ = true;   ///< False if that is nothing, and patience has no end.
  backends_by_key expected_;  ///< What is to be known.
  replay::tallies awaited_;   ///< What had to be told since the last change.
  bool has_named_ = false;    ///< The present run.
  std::uint64_t rounds_ = 0;  ///< Of all runs.
  std::string story_;
};

}  // namespace detail

/// The laws of a resolver whose backends do not change: a run announces all, once; it ends when it is told
/// to, whatever it is doing, and leaves nothing behind; the next one announces the same; in a pool, a run
/// that dies is seen, and a sink whose pool is gone does no harm.
/// \param make returns the resolver, another one each time
/// \throws law_broken
template <class Make>
void check_resolver(const Make& make, const resolver_terms& terms = {}) {
  const detail::resolver_laws laws{make, terms};
  laws.of_announcing();
  laws.of_ending("");
  laws.of_pools();
}

/// Beside these, of one that follows `source`: it tells differences only; replayed, they are the answer; each
/// run begins with all that there is; what failed, what is empty and what is unchanged are told apart; and it
/// ends in time while its source fails, is empty or says nothing.
/// \param make returns a resolver that asks `source`, another one each time
/// \throws law_broken
template <class Make, backend_source Source>
void check_resolver(const Make& make, Source& source, resolver_terms terms = {}) {
  if (terms.seed == 0) terms.seed = std::random_device{}();
  const auto candidates = candidates_of(source);
  std::vector<backend> all;
  for (const auto& [key, where] : by_key(candidates)) all.push_back(where);
  source.answer(all);
  check_resolver(make, terms);
  const detail::resolver_laws laws{make, terms};
  source.answer({});
  laws.of_ending(", while there are none");
  if constexpr (failing_source<Source>) {
    source.fail();
    laws.of_ending(", while its source fails");
  }
  if constexpr (silent_source<Source>) {
    source.fall_silent();
    laws.of_ending(", while its source says nothing");
  }
  source.answer(all);
  fact("what is told is the differences between one answer and the next, whatever comes between",
       [&] { detail::resolver_changes{laws, source, terms}.try_all(); });
}

}  // namespace cueball::laws
