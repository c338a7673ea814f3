// SPDX-License-Identifier: BSL-1.0
/// \file
/// Laws of a resolver that need no change of what it finds.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>

#include <cueball/laws/law.hpp>
#include <cueball/laws/memory_connection.hpp>
#include <cueball/laws/mortal_resolver.hpp>
#include <cueball/laws/replay.hpp>
#include <cueball/laws/resolver_run.hpp>
#include <cueball/laws/resolver_terms.hpp>
#include <cueball/pool.hpp>
#include <cueball/resolver.hpp>

namespace cueball::laws::detail {

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
        const auto before = pool.stats();
        report();
        const auto after = pool.stats();
        demand(after.state == pool_state::stopped, "the pool stays stopped");
        demand(after.resolver.failures == before.resolver.failures, "nobody hears of what comes later");
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

}  // namespace cueball::laws::detail
