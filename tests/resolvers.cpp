// SPDX-License-Identifier: BSL-1.0
/// \file
/// Where backends come from: both kinds of resolvers, and what the pool does with their reports.
#include <condition_variable>
#include <mutex>
#include <thread>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cueball/manual_resolver.hpp>
#include <cueball/observer/counting.hpp>
#include <cueball/pool.hpp>

#include "support/catch.hpp"
#include "support/eventually.hpp"
#include "support/scripted_connection.hpp"

namespace asio = boost::asio;
using namespace cueball;
using namespace std::chrono_literals;
using support::at;
using support::eventually;
using support::follow;
using support::script;
using support::scripted_connection;
using pool_type = pool<scripted_connection, observer::counting>;

namespace {

constexpr pool_options quick{.max_connections = 4,
                             .rebalance_delay = std::chrono::milliseconds{1},
                             .recovery = {.usual = {.delay = std::chrono::milliseconds{1}}}};

/// The idle connections of each live backend, by port.
template <class Pool>
std::map<std::uint16_t, unsigned> spread(const Pool& pool) {
  std::map<std::uint16_t, unsigned> counts;
  for (const auto& row : pool.stats().backends)
    if (row.live) counts[row.where.port] = row.slots.idle;
  return counts;
}

using counts = std::map<std::uint16_t, unsigned>;

}  // namespace

TEST_CASE("backends that come and go move the connections") {
  const auto plan = std::make_shared<script>();
  manual_resolver resolver;
  resolver.add(at(1));
  pool_type pool{resolver, follow(plan), quick};
  REQUIRE(eventually([&] { return spread(pool) == counts{{1, 4}}; }));
  resolver.add(at(2));
  REQUIRE(eventually([&] { return spread(pool) == counts{{1, 2}, {2, 2}}; }));
  resolver.remove(at(1));
  REQUIRE(eventually([&] { return spread(pool) == counts{{2, 4}} && pool.stats().slots.total() == 4; }));
  CHECK(plan->made == 4 + 2 + 2);
}

TEST_CASE("a manual resolver refuses what is malformed or unknown, by name") {
  manual_resolver resolver;
  CHECK_THROWS_WITH(resolver.add({"", 1}), ct::ContainsSubstring("empty address"));
  CHECK_THROWS_WITH(resolver.add({"10.0.0.1", 0}), ct::ContainsSubstring("port 0"));
  CHECK_THROWS_WITH(resolver.remove("10.0.0.1:7"), ct::ContainsSubstring("'10.0.0.1:7'"));
}

TEST_CASE("a manual resolver serves several pools, and one that starts later") {
  const auto plan = std::make_shared<script>();
  manual_resolver resolver;
  resolver.add(at(1));
  pool_type first{resolver, follow(plan), quick};
  first.wait_ready(4, 10s);
  resolver.add(at(2));
  pool_type second{resolver, follow(plan), quick};
  REQUIRE(
      eventually([&] { return spread(first) == counts{{1, 2}, {2, 2}} && spread(second) == spread(first); }));
}

TEST_CASE("a failure of the resolver changes no backend") {
  const auto plan = std::make_shared<script>();
  manual_resolver resolver;
  resolver.add(at(1));
  pool_type pool{resolver, follow(plan), quick};
  pool.wait_ready(4, 10s);
  resolver.fail(errc::resolver_failed, "nobody answers");
  REQUIRE(eventually([&] { return pool.observer().resolver_failed.value() == 1; }));
  CHECK(spread(pool) == counts{{1, 4}});
}

TEST_CASE("a change of weight keeps the connections") {
  const auto plan = std::make_shared<script>();
  manual_resolver resolver;
  resolver.add(at(1));
  pool_type pool{resolver, follow(plan), quick};
  pool.wait_ready(4, 10s);
  resolver.add({.address = "127.0.0.1", .port = 1, .weight = 7});
  REQUIRE(eventually([&] { return pool.observer().rebalanced.value() == 2; }));
  CHECK(pool.stats().backends.at(0).where.weight == 7);
  CHECK(plan->made == 4);
}

namespace {

/// Reports from its own thread what the test tells it; each run ends when the test says so.
struct threaded_resolver {
  struct shared {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::vector<std::vector<backend>> runs;  ///< What each run announces.
    std::size_t run = 0;
    bool end = false;
  };

  std::shared_ptr<shared> told = std::make_shared<shared>();

  void run(const resolver_sink& sink, const std::stop_token& stop) {
    std::unique_lock lock{told->mutex};
    const auto mine = told->run < told->runs.size() ? told->runs[told->run++] : std::vector<backend>{};
    for (const auto& where : mine) sink.added(where);
    sink.round_done();
    told->wake.wait(lock, stop, [&] { return told->end; });
    told->end = false;
    if (!stop.stop_requested()) throw std::runtime_error("the registry hung up");
  }
};

}  // namespace

TEST_CASE("a blocking resolver runs on a thread of the pool's, and is run again after it failed") {
  const auto plan = std::make_shared<script>();
  threaded_resolver resolver;
  resolver.told->runs = {{at(1), at(2)}, {at(2), at(3)}};
  pool_type pool{resolver, follow(plan), quick};
  REQUIRE(eventually([&] { return spread(pool) == counts{{1, 2}, {2, 2}}; }));
  {
    const std::scoped_lock lock{resolver.told->mutex};
    resolver.told->end = true;
  }
  resolver.told->wake.notify_all();
  // The second run did not name the first backend.
  REQUIRE(eventually([&] { return spread(pool) == counts{{2, 2}, {3, 2}}; }));
  CHECK(pool.observer().resolver_failed.value() == 1);
  CHECK(plan->made == 6);
}

TEST_CASE("a resolver that dies shows in the snapshot, and what it knew stays in use") {
  const auto plan = std::make_shared<script>();
  threaded_resolver resolver;
  resolver.told->runs = {{at(1)}};
  auto options = quick;
  options.recovery.dns = {.delay = 1h, .max_delay = 1h};
  pool_type pool{resolver, follow(plan), options};
  pool.wait_ready(4, 10s);
  const auto before = pool.stats().resolver;
  CHECK(before.state == resolver_state::following);
  CHECK(before.runs == 1);
  CHECK(before.failures == 0);
  CHECK_FALSE(before.last_error);
  {
    const std::scoped_lock lock{resolver.told->mutex};
    resolver.told->end = true;
  }
  resolver.told->wake.notify_all();
  REQUIRE(eventually([&] { return pool.stats().resolver.state == resolver_state::down; }));
  const auto after = pool.stats().resolver;
  CHECK(after.runs == 1);
  CHECK(after.failures == 1);
  CHECK(after.last_error == errc::resolver_failed);
  CHECK(after.last_error_text == "the registry hung up");
  CHECK(spread(pool) == counts{{1, 4}});
  CHECK_NOTHROW(pool.claim());
}

TEST_CASE("a blocking resolver's thread ends with the pool, though nobody runs the user's context any more") {
  struct patient {
    std::atomic<int>* running;
    void run(const resolver_sink& sink, const std::stop_token& stop) const {
      ++*running;
      sink.added(at(1));
      sink.round_done();
      for (int i = 0; i < 3000 && !stop.stop_requested(); ++i) std::this_thread::sleep_for(1ms);
      --*running;
    }
  };
  const auto plan = std::make_shared<script>();
  std::atomic<int> running = 0;
  {
    asio::io_context context;
    {
      pool_type pool{context, patient{&running}, follow(plan), quick};
      while (plan->connected < 4) context.run_one();
      CHECK(running == 1);
    }
    CHECK(running == 0);
  }
  CHECK(plan->alive == 0);
}

namespace {

/// Takes several steps to end its run, and says whether it then saw that it was cancelled.
struct stepwise {
  std::atomic<bool>* told;

  template <class Token>
  auto async_run(resolver_sink sink, Token&& token) {
    sink.added(at(1));
    sink.round_done();
    const auto timer = std::make_shared<asio::steady_timer>(asio::get_associated_executor(token),
                                                            asio::steady_timer::time_point::max());
    return asio::async_compose<Token, void(error_code)>(
        [timer, told = told, step = 0](auto& self, error_code = {}) mutable {
          if (++step == 1) return timer->async_wait(std::move(self));
          if (step < 5) return asio::post(timer->get_executor(), std::move(self));
          *told = self.get_cancellation_state().cancelled() != asio::cancellation_type::none;
          self.complete(asio::error::operation_aborted);
        },
        token, *timer);
  }
};

}  // namespace

TEST_CASE("a resolver that takes several steps to end can ask in each whether it was cancelled") {
  const auto plan = std::make_shared<script>();
  std::atomic<bool> told = false;
  pool_type pool{stepwise{&told}, follow(plan), quick};
  pool.wait_ready(4, 10s);
  CHECK(pool.stop(10s) == 0);
  CHECK(eventually([&] { return told.load(); }));
}

TEST_CASE("a sink takes reports from many threads, and refuses bad ones one by one") {
  const auto plan = std::make_shared<script>();
  struct loud {
    void run(const resolver_sink& sink, const std::stop_token&) {
      std::vector<std::jthread> threads;
      for (std::uint16_t t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
          for (std::uint16_t i = 0; i < 50; ++i) {
            const backend where{"127.0.0.1", static_cast<std::uint16_t>(100 + t)};
            sink.added(where);
            sink.added({"127.0.0.1", 99});
            sink.removed("nobody:1");
            sink.changed({"127.0.0.1", 98});
            sink.added({"nonsense", 1});
            if (i % 2 == 0) sink.removed(where);
          }
        });
      threads.clear();
      sink.round_done();
    }
  };
  pool_type pool{
      loud{},
      follow(plan),
      {.max_connections = 10, .rebalance_delay = 1ms, .recovery = {.usual = {.delay = 1h, .max_delay = 1h}}}};
  const counts even{{99, 2}, {100, 2}, {101, 2}, {102, 2}, {103, 2}};
  REQUIRE(eventually([&] { return spread(pool) == even; }));
  REQUIRE(eventually([&] { return pool.observer().resolver_failed.value() >= 4 * 50 * 3; }));
}

namespace {

struct flaky {
  std::shared_ptr<std::atomic<int>> calls = std::make_shared<std::atomic<int>>(0);
  static_resolver then{at(1)};

  template <class Token>
  auto async_run(resolver_sink sink, Token&& token) {
    if (++*calls < 3) throw std::runtime_error("not yet");
    return then.async_run(std::move(sink), std::forward<Token>(token));
  }
};

}  // namespace

TEST_CASE("a resolver that throws when it is started is tried again") {
  const auto plan = std::make_shared<script>();
  flaky resolver;
  pool_type pool{resolver, follow(plan), quick};
  pool.wait_ready(4, 10s);
  CHECK(*resolver.calls == 3);
}

namespace {

/// Plans what it is told to; can only be moved.
struct told_what_to_plan {
  using category = rebalance_policy;
  static constexpr std::string_view name = "told_what_to_plan";

  std::shared_ptr<std::atomic<std::uint32_t>> count;

  std::vector<std::uint32_t> plan(std::span<const backend_load> live, std::uint32_t, random_source&) const {
    if (*count == 0) throw std::runtime_error("no idea");
    return std::vector<std::uint32_t>(live.size(), *count);
  }
};

/// Keeps the last text that it heard; can only be moved.
struct note_taker {
  using category = observer_policy;
  static constexpr std::string_view name = "note_taker";

  std::unique_ptr<std::atomic<int>> failures = std::make_unique<std::atomic<int>>(0);
  std::shared_ptr<std::string> text = std::make_shared<std::string>();

  void on(const plan_failed_event& event) noexcept {
    *text = event.text;
    ++*failures;
  }
  template <class Event>
  void on(const Event&) noexcept {}
};

}  // namespace

TEST_CASE("a plan of the wrong size is refused, said why, and asked for again") {
  const auto plan = std::make_shared<script>();
  const auto count = std::make_shared<std::atomic<std::uint32_t>>(100);
  pool<scripted_connection, told_what_to_plan, note_taker> pool{static_resolver{at(1)}, follow(plan), quick,
                                                                note_taker{}, told_what_to_plan{count}};
  REQUIRE(eventually([&] { return *pool.observer().failures >= 2; }));
  CHECK(plan->made == 0);
  *count = 0;
  const int before = *pool.observer().failures;
  REQUIRE(eventually([&] { return *pool.observer().failures >= before + 2; }));
  *count = 4;
  pool.wait_ready(4, 10s);
  CHECK_THAT(*pool.observer().text, ct::ContainsSubstring("no idea"));
}
