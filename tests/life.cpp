// SPDX-License-Identifier: BSL-1.0
/// \file
/// How a pool ends, and what outlives it.
#include <functional>
#include <future>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

#include <cueball/manual_resolver.hpp>
#include <cueball/observer_policy.hpp>
#include <cueball/pool.hpp>
#include <cueball/threading/multi_threaded.hpp>

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
using pool_type = pool<scripted_connection>;
using lease_type = lease<scripted_connection>;

namespace {

constexpr pool_options quick{.max_connections = 2, .rebalance_delay = std::chrono::milliseconds{1}};

/// Calls a function at each event that is told on the serial executor.
struct caller {
  using category = observer_policy;
  static constexpr std::string_view name = "caller";

  std::function<void()> call;

  template <class Event>
  void on(const Event&) noexcept {
    if (call) call();
  }
  void on(const claimed_event&) noexcept {}
  void on(const released_event&) noexcept {}
};

/// Announces one backend and shows the sink of its last run.
struct keeps_sink {
  std::optional<resolver_sink>* sink;

  template <class Token>
  auto async_run(resolver_sink reports_to, Token&& token) {
    reports_to.added(at(1));
    reports_to.round_done();
    *sink = std::move(reports_to);
    return cueball::detail::async_wait_cancelled(std::forward<Token>(token));
  }
};

/// Counts how often a lease ended.
struct releases {
  using category = observer_policy;
  static constexpr std::string_view name = "releases";

  int* heard;

  template <class Event>
  void on(const Event&) noexcept {}
  void on(const released_event&) noexcept { ++*heard; }
};

/// Calls `then` once, when its thread has unlocked the pool's mutex.
struct tells_unlock : threading::multi_threaded {
  static constexpr std::string_view name = "tells_unlock";
  static inline thread_local std::function<void()> then;

  class mutex : public threading::multi_threaded::mutex {
   public:
    void unlock() noexcept {
      threading::multi_threaded::mutex::unlock();
      if (const auto call = std::exchange(then, nullptr)) call();
    }
  };

  class fast_mutex {
   public:
    explicit fast_mutex(mutex& all) noexcept : all_(all) {}
    void lock() { all_.lock(); }
    void unlock() noexcept { all_.unlock(); }

   private:
    mutex& all_;
  };
};

}  // namespace

TEST_CASE("stop fails those who wait, closes what is idle, and waits for leases") {
  const auto plan = std::make_shared<script>();
  pool_type pool{static_resolver{at(1)}, follow(plan), quick};
  pool.wait_ready(2, 10s);
  auto first = pool.claim();
  auto second = pool.claim();
  auto waiting = std::async(std::launch::async, [&] {
    error_code error;
    CHECK_FALSE(pool.claim(10s, error));
    return error;
  });
  REQUIRE(eventually([&] { return pool.stats().waiters == 1; }));
  CHECK(pool.stop(time_point{}) == 2);
  CHECK(waiting.get() == errc::stopped);
  CHECK(pool.state() == pool_state::stopping);
  CHECK_THROWS_AS(pool.claim(), std::system_error);
  auto left = std::async(std::launch::async, [&] { return pool.stop(10s); });
  first.release();
  second.release();
  CHECK(left.get() == 0);
  CHECK(pool.state() == pool_state::stopped);
  CHECK(plan->alive == 0);
  CHECK(pool.stop() == 0);
  const auto stats = pool.stats();
  CHECK(stats.counters.opened == stats.counters.closed);
}

TEST_CASE("stop cancels connects that hang") {
  const auto plan = std::make_shared<script>();
  plan->set(1, script::mode::hang);
  pool_type pool{static_resolver{at(1)}, follow(plan), quick};
  REQUIRE(eventually([&] { return pool.stats().slots.connecting == 2; }));
  CHECK(pool.stop(10s) == 0);
  CHECK(plan->alive == 0);
}

TEST_CASE("stop and claim on the pool's own thread would wait for themselves") {
  const auto plan = std::make_shared<script>();
  pool_type pool{static_resolver{at(1)}, follow(plan), quick};
  pool.wait_ready(2, 10s);
  auto first = pool.claim();
  auto second = pool.claim();
  std::promise<std::vector<error_code>> seen;
  asio::post(pool.executor(), [&] {
    std::vector<error_code> errors(3);
    (void)pool.claim(10s, errors[0]);
    (void)pool.stop(10s, errors[1]);
    pool.wait_ready(2, 10s, errors[2]);
    seen.set_value(errors);
  });
  CHECK(seen.get_future().get() == std::vector<error_code>(3, errc::would_deadlock));
}

TEST_CASE("stop can be requested in a hook, more than once") {
  const auto plan = std::make_shared<script>();
  pool<scripted_connection, caller> pool{static_resolver{at(1)}, follow(plan), quick};
  std::atomic<int> calls = 0;
  // The first event after this comes from the thread below.
  (void)pool.claim(10s);
  pool.request_stop();
  CHECK(pool.stop(10s) == 0);

  std::optional<cueball::pool<scripted_connection, caller>> other;
  std::atomic<cueball::pool<scripted_connection, caller>*> self = nullptr;
  other.emplace(static_resolver{at(1)}, follow(plan), quick, caller{[&] {
                  if (auto* const me = self.load()) {
                    ++calls;
                    me->request_stop();
                  }
                }});
  self = &*other;
  REQUIRE(eventually([&] { return other->state() == pool_state::stopped; }));
  REQUIRE(eventually([&] { return calls > 0; }));
  other.reset();
}

TEST_CASE("a lease may outlive its pool, and closes its connection when it goes") {
  const auto plan = std::make_shared<script>();
  std::optional<pool_type> pool{std::in_place, static_resolver{at(1)}, follow(plan), quick};
  pool->wait_ready(2, 10s);
  auto held = pool->claim();
  auto other = pool->claim();
  auto taken = other.detach();
  auto third = pool->claim(10s);
  pool.reset();
  CHECK(held->is_open());
  CHECK(held.backend().port == 1);
  CHECK(plan->alive == 3);
  held.release();
  CHECK(plan->alive == 2);
  third.discard();
  CHECK(plan->alive == 1);
}

TEST_CASE("the observer hears of a lease that outlived its pool") {
  const auto plan = std::make_shared<script>();
  int heard = 0;
  lease_type held;
  {
    cueball::pool<scripted_connection, releases> pool{static_resolver{at(1)}, follow(plan), quick,
                                                      releases{&heard}};
    held = pool.claim(10s);
  }
  held.release();
  CHECK(heard == 1);
  CHECK(plan->alive == 0);
}

TEST_CASE("a pool may be destroyed while another thread gives back a lease") {
  const auto plan = std::make_shared<script>();
  for (const bool good : {false, true}) {
    std::optional<cueball::pool<scripted_connection, tells_unlock>> pool{
        std::in_place, static_resolver{at(1)}, follow(plan), quick};
    pool->wait_ready(2, 10s);
    auto held = pool->claim(10s);
    tells_unlock::then = [&] { std::thread{[&] { pool.reset(); }}.join(); };
    if (good)
      held.release();
    else
      held.discard();
    CHECK_FALSE(pool);
    CHECK(plan->alive == 0);
  }
}

TEST_CASE("a lease may outlive its pool on the user's context too") {
  const auto plan = std::make_shared<script>();
  asio::thread_pool threads{2};
  lease_type held;
  {
    pool_type pool{threads, static_resolver{at(1)}, follow(plan), quick};
    pool.wait_ready(2, 10s);
    held = pool.claim();
  }
  CHECK(plan->alive == 1);  // the idle one went with the pool, whether or not the context runs
  CHECK(held->is_open());
  held.release();
  CHECK(plan->alive == 0);
}

TEST_CASE("a pool on a context that nobody runs can be destroyed") {
  const auto plan = std::make_shared<script>();
  asio::io_context context;
  std::future<lease_type> waiting;
  {
    pool_type pool{context, static_resolver{at(1)}, follow(plan), quick};
    waiting = pool.async_claim(asio::use_future);
    for (int i = 0; i < 5; ++i) context.poll();
  }
  context.restart();
  context.poll();
  CHECK_THROWS(waiting.get());
}

TEST_CASE("a context may be destroyed with all that a pool left there") {
  const auto plan = std::make_shared<script>();
  {
    asio::io_context context;
    pool_type pool{context, static_resolver{at(1)}, follow(plan), quick};
    while (plan->connected < 2) context.run_one();
  }
  CHECK(plan->alive == 0);
}

TEST_CASE("a pool may be destroyed by a handler on its own thread") {
  const auto plan = std::make_shared<script>();
  auto pool = std::make_unique<pool_type>(static_resolver{at(1)}, follow(plan), quick);
  std::promise<void> gone;
  const auto* const raw = pool.get();
  asio::post(raw->executor(), [&gone, pool = std::move(pool)]() mutable {
    pool.reset();
    gone.set_value();
  });
  gone.get_future().get();
  CHECK(eventually([&] { return plan->alive == 0; }));
}

TEST_CASE("a resolver that reports to a stopped pool, or to none, is harmless") {
  const auto plan = std::make_shared<script>();
  manual_resolver resolver;
  {
    pool_type pool{resolver, follow(plan), quick};
    resolver.add(at(1));
    pool.wait_ready(2, 10s);
    CHECK(pool.stop(10s) == 0);
    resolver.add(at(2));
    resolver.remove(at(1));
    CHECK(pool.stats().backends.size() <= 1);
    CHECK(pool.state() == pool_state::stopped);
  }
  resolver.add(at(3));
}

TEST_CASE("who waits for the end of a pool that is destroyed is told what is left") {
  const auto plan = std::make_shared<script>();
  lease_type held;
  std::future<std::size_t> left;
  {
    pool_type pool{static_resolver{at(1)}, follow(plan), quick};
    held = pool.claim(10s);
    left = pool.async_stop(no_limit, asio::use_future);
  }
  REQUIRE(left.wait_for(10s) == std::future_status::ready);
  CHECK(left.get() >= 1);
  held.release();

  const auto token = std::make_shared<int>();
  plan->set(1, script::mode::hang);
  {
    asio::io_context context;
    {
      pool_type pool{context, static_resolver{at(1)}, follow(plan), quick};
      while (pool.stats().slots.connecting < 2) context.run_one();
      pool.async_stop(no_limit, [token](error_code, std::size_t) {});
    }
  }
  CHECK(token.use_count() == 1);
  CHECK(plan->alive == 0);
}

TEST_CASE("a sink may outlive its pool and the context that the pool was on") {
  const auto plan = std::make_shared<script>();
  std::optional<resolver_sink> sink;
  const keeps_sink resolver{&sink};
  {
    pool_type pool{resolver, follow(plan), quick};
    pool.wait_ready(2, 10s);
  }
  sink->added(at(2));
  sink->round_done();
  {
    asio::io_context context;
    pool_type pool{context, resolver, follow(plan), quick};
    while (plan->connected < 4) context.run_one();
  }
  sink->removed(at(1));
  CHECK(plan->alive == 0);
}

TEST_CASE("pools come and go without a trace") {
  const auto plan = std::make_shared<script>();
  for (int i = 0; i < 50; ++i) {
    pool_type pool{
        static_resolver{at(1), at(2)}, follow(plan), {.max_connections = 4, .rebalance_delay = 1ms}};
    if (i % 2 == 0) (void)pool.claim(10s);
  }
  CHECK(plan->alive == 0);
}
