// SPDX-License-Identifier: BSL-1.0
/// \file
/// Several resolvers, of which the first one counts that knows of a backend.
#include <memory>
#include <optional>
#include <set>
#include <string>
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

/// Gives up.
struct quitter {
  template <class Token>
  auto async_run(resolver_sink, Token&& token) {
    return asio::async_initiate<Token, void(error_code)>(
        [](auto handler) {
          const auto executor = asio::get_associated_executor(handler);
          asio::post(executor, [handler = std::move(handler)]() mutable {
            std::move(handler)(asio::error::host_unreachable);
          });
        },
        token);
  }
};

/// Names a backend, and gives up.
struct one_shot : quitter {
  template <class Token>
  auto async_run(resolver_sink sink, Token&& token) {
    sink.added({"10.0.0.1", 1});
    sink.round_done();
    return quitter::async_run(std::move(sink), std::forward<Token>(token));
  }
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

  asio::io_context context;
  asio::cancellation_signal cancel;
  std::set<std::string> known;
  keys said;
  int failures = 0;
  int rounds = 0;
  bool ended = false;
  error_code how;
};

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

TEST_CASE("one that gives up is passed by, and the run ends when all have") {
  fallback_resolver both{quitter{}, static_resolver{second}};
  user him{both};
  CHECK(him.known == set{second.key()});
  CHECK_FALSE(him.ended);
  fallback_resolver none{quitter{}, quitter{}};
  user other{none};
  CHECK(other.ended);
  CHECK(other.how == asio::error::host_unreachable);
  CHECK(other.known.empty());
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

TEST_CASE("one that gives up after it has named a backend is begun again with the next run, not passed by") {
  fallback_resolver both{one_shot{}, static_resolver{second}};
  user him{both};
  CHECK(him.ended);
  CHECK(him.how == asio::error::host_unreachable);
  CHECK(him.said == keys{"+" + first.key()});
}
