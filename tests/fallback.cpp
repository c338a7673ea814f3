// SPDX-License-Identifier: BSL-1.0
/// \file
/// Several resolvers, of which the first one counts that knows of a backend.
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <cueball/any_resolver.hpp>
#include <cueball/fallback_resolver.hpp>
#include <cueball/manual_resolver.hpp>
#include <cueball/pool.hpp>

#include "support/catch.hpp"
#include "support/eventually.hpp"
#include "support/scripted_connection.hpp"

namespace asio = boost::asio;
using namespace cueball;
using namespace std::chrono_literals;
using support::eventually;
using keys = std::vector<std::string>;

namespace {

/// Fails at once and goes on, as one does whose servers are down.
struct down {
  template <class Token>
  auto async_run(resolver_sink sink, Token&& token) {
    sink.failed(asio::error::host_not_found, "the script says no");
    return cueball::detail::async_wait_cancelled(std::forward<Token>(token));
  }
};

/// Says what the test says.
struct on_demand {
  template <class Token>
  auto async_run(resolver_sink sink, Token&& token) {
    if (to) *to = std::move(sink);
    return cueball::detail::async_wait_cancelled(std::forward<Token>(token));
  }
  std::shared_ptr<std::optional<resolver_sink>> to{};
};

/// Gives up at once in some of its runs; in the others it says what the test says.
struct unsteady {
  struct plan {
    int bad_runs = 0;  ///< So many from now on give up, or throw.
    bool throws = false;
    int runs = 0;
    std::optional<resolver_sink> to{};

    void give_up(error_code why) {
      if (end) std::exchange(end, nullptr)(why);
    }
    std::function<void(error_code)> end{};
  };

  template <class Token>
  auto async_run(resolver_sink sink, Token&& token) {
    ++how->runs;
    how->to.reset();
    const bool is_bad = how->bad_runs > 0 && how->bad_runs-- > 0;
    if (is_bad && how->throws) throw std::runtime_error{"the script throws"};
    if (!is_bad) how->to = std::move(sink);
    return asio::async_initiate<Token, void(error_code)>(
        [is_bad](auto handler, std::shared_ptr<plan> it) {
          const auto executor = asio::get_associated_executor(handler);
          auto slot = asio::get_associated_cancellation_slot(handler);
          it->end = [executor,
                     kept = std::make_shared<decltype(handler)>(std::move(handler))](error_code error) {
            asio::post(executor, [kept, error] { std::move (*kept)(error); });
          };
          slot.assign([it](asio::cancellation_type) { it->give_up(asio::error::operation_aborted); });
          if (is_bad) it->give_up(asio::error::host_unreachable);
        },
        token, how);
  }

  /// The present run gives up.
  void give_up() const { how->give_up(asio::error::host_unreachable); }

  std::shared_ptr<plan> how = std::make_shared<plan>();
};

/// What a run reports, as a pool sees it, and the order in which it comes.
struct user {
  struct target final : cueball::detail::sink_target {
    explicit target(user& to) : of(to) {}
    void added(backend where) override {
      of.said.push_back("+" + where.key());
      of.known.insert(where.key());
    }
    void changed(backend where) override { of.said.push_back("~" + where.key()); }
    void removed(std::string key) override {
      of.said.push_back("-" + key);
      of.known.erase(key);
    }
    void failed(error_code, std::string) override { ++of.failures; }
    void round_done() override { ++of.rounds; }
    user& of;
  };

  template <class Resolver>
  explicit user(Resolver& resolver) {
    resolver.async_run(
        resolver_sink{std::make_shared<target>(*this)},
        asio::bind_cancellation_slot(cancel.slot(), asio::bind_executor(context, [this](error_code error) {
                                       ended = true;
                                       how = error;
                                     })));
    settle();
  }

  ~user() {
    if (!ended) cancel.emit(asio::cancellation_type::all);
    context.restart();
    context.run();
  }

  void settle() {
    context.restart();
    context.poll();
  }

  template <class Condition>
  bool sees(Condition condition) {
    return eventually([&] {
      settle();
      return condition();
    });
  }

  asio::io_context context;
  asio::cancellation_signal cancel;
  std::set<std::string> known;
  keys said;
  int failures = 0;
  int rounds = 0;
  bool ended = false;
  error_code how;
};

/// Runs again soon.
const fallback_options soon{.delay = 1ms, .max_delay = 4ms, .seed = 1};

template <class... Resolvers>
fallback_resolver in_order(Resolvers... all) {
  return fallback_resolver{std::vector<any_resolver>{any_resolver{all}...}, soon};
}

const backend first{"10.0.0.1", 1};
const backend second{"10.0.0.2", 1};
const backend third{"10.0.0.3", 1};

using set = std::set<std::string>;

}  // namespace

TEST_CASE("the first that knows of a backend counts, and the next is not begun") {
  manual_resolver one, other;
  one.add(first);
  other.add(second);
  fallback_resolver both{one, other};
  user him{both};
  CHECK(him.known == set{first.key()});
  CHECK(him.rounds == 1);
  other.add(third);
  him.settle();
  CHECK(him.said == keys{"+" + first.key()});
}

TEST_CASE("where the first knows of nobody the next one counts, until the first does again") {
  manual_resolver one, other;
  other.add(second);
  fallback_resolver both{one, other};
  user him{both};
  CHECK(him.known == set{second.key()});
  one.add(first);
  him.settle();
  CHECK(him.said == keys{"+" + second.key(), "+" + first.key(), "-" + second.key()});
  one.remove(first);
  him.settle();
  CHECK(him.known == set{second.key()});
  CHECK(him.rounds == 1);
}

TEST_CASE("where the first fails before it has answered the next one counts") {
  fallback_resolver both{down{}, static_resolver{second}};
  user him{both};
  CHECK(him.known == set{second.key()});
  CHECK(him.failures == 1);
}

TEST_CASE("one that takes its time is waited for, however often the one before it fails") {
  const auto first_sink = std::make_shared<std::optional<resolver_sink>>();
  manual_resolver last;
  last.add(third);
  fallback_resolver all{on_demand{first_sink}, on_demand{}, last};
  user him{all};
  for (int i = 0; i < 3; ++i) {
    (*first_sink)->failed(asio::error::timed_out, "still down");
    him.settle();
  }
  CHECK(him.failures == 3);
  CHECK(him.known.empty());
}

TEST_CASE("a failure after an answer changes nothing") {
  manual_resolver one;
  one.add(first);
  fallback_resolver both{one, static_resolver{second}};
  user him{both};
  one.fail(asio::error::timed_out, "down for now");
  him.settle();
  CHECK(him.known == set{first.key()});
  CHECK(him.failures == 1);
}

TEST_CASE("one that gives up before it has answered is passed by, and run again until it answers") {
  unsteady one;
  one.how->throws = GENERATE(false, true);
  one.how->bad_runs = 4;
  auto both = in_order(one, static_resolver{second});
  user him{both};
  CHECK(him.known == set{second.key()});
  CHECK(him.failures >= 1);
  REQUIRE(him.sees([&] { return one.how->to.has_value(); }));
  CHECK(one.how->runs == 5);
  CHECK(him.failures == 4);
  CHECK(him.known == set{second.key()});
  one.how->to->added(first);
  one.how->to->round_done();
  him.settle();
  CHECK(him.said == keys{"+" + second.key(), "+" + first.key(), "-" + second.key()});
  CHECK(him.rounds == 1);
}

TEST_CASE("the run goes on though all have given up") {
  unsteady one, other;
  one.how->bad_runs = other.how->bad_runs = 3;
  auto both = in_order(one, other);
  user him{both};
  REQUIRE(him.sees([&] { return one.how->to && other.how->to; }));
  CHECK_FALSE(him.ended);
  CHECK(him.failures == 6);
  CHECK(him.rounds == 0);
  other.how->to->added(second);
  other.how->to->round_done();
  him.settle();
  CHECK(him.known == set{second.key()});
}

TEST_CASE("what one that gives up knew is kept until its next run has named all") {
  unsteady one;
  auto both = in_order(one, static_resolver{third});
  user him{both};
  one.how->to->added(first);
  one.how->to->added(second);
  one.how->to->round_done();
  const auto stale = *one.how->to;
  one.how->bad_runs = 2;
  one.give_up();
  REQUIRE(him.sees([&] { return one.how->runs == 4 && one.how->to; }));
  CHECK(him.failures == 3);
  CHECK(him.known == set{first.key(), second.key()});
  one.how->to->added({"10.0.0.4", 1});
  one.how->to->added(second);
  stale.removed(second);
  stale.round_done();
  him.settle();
  CHECK(him.known == set{first.key(), second.key()});
  one.how->to->round_done();
  him.settle();
  CHECK(him.said == keys{"+" + first.key(), "+" + second.key(), "+10.0.0.4:1", "-" + first.key()});
  CHECK(him.rounds == 1);
  one.how->to->removed(second);
  him.settle();
  CHECK(him.known == set{"10.0.0.4:1"});
  one.give_up();
  REQUIRE(him.sees([&] { return one.how->runs == 5; }));
  one.how->to->round_done();
  him.settle();
  CHECK(him.known == set{third.key()});
}

TEST_CASE(
    "the pauses of one that gives up again and again grow, and a run that answers makes them short again") {
  unsteady one;
  one.how->bad_runs = 4;
  fallback_resolver both{{any_resolver{one}, any_resolver{static_resolver{second}}},
                         {.delay = 8ms, .max_delay = 64ms, .spread = 0, .seed = 1}};
  const auto begun = std::chrono::steady_clock::now();
  user him{both};
  REQUIRE(him.sees([&] { return one.how->to.has_value(); }));
  CHECK(std::chrono::steady_clock::now() - begun >= 8ms + 16ms + 32ms + 64ms);
  one.how->to->round_done();
  him.settle();
  // Half a minute would be long after the patience of `sees`.
  fallback_resolver slow{{any_resolver{one}, any_resolver{static_resolver{second}}},
                         {.delay = 1ms, .max_delay = 30s, .spread = 0, .seed = 1}};
  him.cancel.emit(asio::cancellation_type::all);
  him.settle();
  user other{slow};
  for (int i = 0; i < 20; ++i) {
    one.how->to->round_done();
    const auto runs = one.how->runs;
    one.give_up();
    REQUIRE(other.sees([&] { return one.how->runs > runs; }));
  }
}

TEST_CASE("a run that is cancelled in a pause ends at once, and so does one whose context goes") {
  unsteady one;
  one.how->bad_runs = 1000;
  fallback_resolver both{{any_resolver{one}, any_resolver{static_resolver{second}}},
                         {.delay = 1h, .max_delay = 1h}};
  user him{both};
  CHECK(him.failures == 1);
  him.cancel.emit(asio::cancellation_type::all);
  him.settle();
  CHECK(him.ended);
  CHECK(him.how == asio::error::operation_aborted);
  CHECK(him.context.stopped());
  CHECK(one.how->runs == 1);
}

TEST_CASE("bad options of a fallback_resolver are refused by name and value") {
  const auto problem = [](const fallback_options& options) {
    try {
      check(options);
    } catch (const std::system_error& refused) {
      return std::string{refused.what()};
    }
    return std::string{"nothing"};
  };
  CHECK(problem({}) == "nothing");
  CHECK_THAT(problem({.delay = 0ms}), ct::ContainsSubstring("fallback_options::delay is 0 s"));
  CHECK_THAT(problem({.delay = 2s, .max_delay = 1s}),
             ct::ContainsSubstring("fallback_options::max_delay is"));
  CHECK_THAT(problem({.spread = 1.5}), ct::ContainsSubstring("fallback_options::spread is 1.5"));
  CHECK_THROWS_AS((fallback_resolver{{any_resolver{down{}}}, {.spread = -1}}), std::system_error);
}

TEST_CASE("that nobody is there is said when all have said so") {
  manual_resolver one, other;
  fallback_resolver both{one, other};
  user him{both};
  CHECK(him.rounds == 1);
  other.add(second);
  him.settle();
  CHECK(him.known == set{second.key()});
}

TEST_CASE("a run that is cancelled ends, and the next one begins with all") {
  manual_resolver one;
  one.add(first);
  fallback_resolver both{down{}, one};
  {
    user him{both};
    him.cancel.emit(asio::cancellation_type::all);
    him.settle();
    CHECK(him.ended);
    CHECK(him.how == asio::error::operation_aborted);
    one.add(second);
    him.settle();
    CHECK(him.known == set{first.key()});
  }
  user again{both};
  CHECK(again.known == set{first.key(), second.key()});
}

TEST_CASE("a resolver of any type serves a pool") {
  CHECK_THROWS_AS(fallback_resolver{std::vector<any_resolver>{}}, std::system_error);
  const auto plan = std::make_shared<support::script>();
  const bool falls_back = GENERATE(false, true);
  any_resolver which{static_resolver{support::at(1)}};
  if (falls_back) which = any_resolver{fallback_resolver{down{}, which}};
  pool<support::scripted_connection> pool{which, support::follow(plan), pool_options{.rebalance_delay = 1ms}};
  pool.wait_ready(10, 10s);
  CHECK(pool.stats().backends.size() == 1);
}

TEST_CASE("a backend that is malformed is told, and is none") {
  const auto sink = std::make_shared<std::optional<resolver_sink>>();
  fallback_resolver both{on_demand{sink}, static_resolver{second}};
  user him{both};
  (*sink)->added({"db.example.com", 1});
  (*sink)->round_done();
  him.settle();
  CHECK(him.said == keys{"+db.example.com:1", "+" + second.key()});
  (*sink)->added(first);
  him.settle();
  CHECK(him.said.back() == "-" + second.key());
  (*sink)->removed("db.example.com:1");
  (*sink)->removed(first);
  him.settle();
  CHECK(him.said.back() == "-" + first.key());
}
