// SPDX-License-Identifier: BSL-1.0
/// \file
/// Leases that are out for long, and where they were claimed.
#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <source_location>
#include <stop_token>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <cueball/observer/counting.hpp>
#include <cueball/observer/logging.hpp>
#include <cueball/pool.hpp>
#include <cueball/static_resolver.hpp>
#include <cueball/threading/lock_free.hpp>
#include <cueball/threading/single_threaded.hpp>

#include "support/catch.hpp"
#include "support/eventually.hpp"
#include "support/poorest.hpp"
#include "support/scripted_connection.hpp"

using namespace cueball;
using namespace std::chrono_literals;

namespace {

/// Hears of nothing else.
class listener {
 public:
  using category = observer_policy;
  static constexpr std::string_view name = "listener";
  static constexpr bool ignores_leases = true;

  struct told {
    std::string where;
    unsigned line;
    duration limit;
  };

  template <class Event>
  void on(const Event&) noexcept {}

  void on(const lease_overdue_event& what) noexcept {
    const std::scoped_lock lock{*mutex_};
    CHECK(std::string_view{what.claimed_at.file_name()}.ends_with("leases.cpp"));
    all_.push_back({what.where.key(), what.claimed_at.line(), what.limit});
  }

  std::vector<told> all() const {
    const std::scoped_lock lock{*mutex_};
    return all_;
  }

 private:
  std::unique_ptr<std::mutex> mutex_ = std::make_unique<std::mutex>();
  std::vector<told> all_;
};

static_assert(hears_overdue_leases<listener> && hears_overdue_leases<observer::logging>);
static_assert(!hears_overdue_leases<observer::silent> && !hears_overdue_leases<poorest_observer>);

template <class Threading>
using tested_pool = cueball::pool<support::scripted_connection, Threading, listener>;

// Who does not want to know pays nothing.
using silent_pool = cueball::pool<support::scripted_connection>;
static_assert(std::is_empty_v<silent_pool::site>);
static_assert(!std::is_empty_v<tested_pool<threading::multi_threaded>::site>);
template <class Observer>
using slot_of = typename core::pool_core<make_policy_set<Observer>, detail::seat<int>>::slot_type;
static_assert(sizeof(slot_of<observer::silent>) == sizeof(core::slot<detail::seat<int>>));
static_assert(sizeof(slot_of<listener>) > sizeof(slot_of<observer::silent>));

constexpr pool_options usual{.max_connections = 1, .lease_limit = 2ms, .rebalance_delay = 1ms};

/// Claims, and says in which line.
template <class Pool>
struct way {
  std::string_view name;
  unsigned line;
  lease<support::scripted_connection> (*claim)(Pool&);
};

template <class Pool>
std::vector<way<Pool>> ways_to_claim() {
  static error_code ignored;
  return {
      {"claim()", __LINE__, [](Pool& pool) { return pool.claim(); }},
      {"claim(error)", __LINE__, [](Pool& pool) { return pool.claim(ignored); }},
      {"claim(until)", __LINE__, [](Pool& pool) { return pool.claim(10s); }},
      {"claim(until, error)", __LINE__, [](Pool& pool) { return pool.claim(10s, ignored); }},
      {"claim(stop)", __LINE__, [](Pool& pool) { return pool.claim(std::stop_token{}); }},
      {"claim(stop, error)", __LINE__, [](Pool& pool) { return pool.claim(std::stop_token{}, ignored); }},
      {"claim(until, stop)", __LINE__, [](Pool& pool) { return pool.claim(10s, std::stop_token{}); }},
      {"claim(until, stop, error)", __LINE__, [](Pool& pool) { return pool.claim(10s, {}, ignored); }},
      {"future", __LINE__, [](Pool& pool) { return pool.async_claim(boost::asio::use_future).get(); }},
      {"future, until", __LINE__, [](Pool& p) { return p.async_claim(10s, boost::asio::use_future).get(); }},
      {"deferred", __LINE__,
       [](Pool& pool) {
         auto later = pool.async_claim(boost::asio::deferred);
         return std::move(later)(boost::asio::use_future).get();
       }},
  };
}

/// Where it claims: in the line of its entry, or, if that takes several, in the third of them.
unsigned line_of(const auto& how) {
  return how.name == "deferred" ? how.line + 2 : how.line;
}

}  // namespace

TEMPLATE_TEST_CASE("a lease that is out for long is told of once, with where it was claimed", "",
                   threading::multi_threaded, threading::lock_free) {
  using pool_type = tested_pool<TestType>;
  const auto plan = std::make_shared<support::script>();
  for (const auto& how : ways_to_claim<pool_type>())
    for (const bool waits : {false, true}) {
      INFO(how.name << (waits ? ", and waits" : ""));
      pool_type pool{static_resolver{support::at(1)}, support::follow(plan), usual};
      pool.wait_ready(1, 10s);
      std::optional<lease<support::scripted_connection>> first;
      std::thread other;
      if (waits) {
        first = pool.claim(10s);
        other = std::thread{[&] {
          CHECK(support::eventually([&] { return pool.stats().waiters == 1; }));
          first.reset();
        }};
      }
      const auto held = how.claim(pool);
      if (waits) other.join();
      const auto is_told = [&] {
        const auto all = pool.observer().all();
        return !all.empty() && all.back().line == line_of(how);
      };
      CHECK(support::eventually(is_told));
      const auto all = pool.observer().all();
      CHECK(all.back().where == "127.0.0.1:1");
      CHECK(all.back().limit == 2ms);
      CHECK(all.size() <= (waits ? 2 : 1));
    }
}

TEMPLATE_TEST_CASE("what try_claim gets is told of, too", "", threading::multi_threaded,
                   threading::lock_free) {
  const auto plan = std::make_shared<support::script>();
  tested_pool<TestType> pool{static_resolver{support::at(1)}, support::follow(plan), usual};
  pool.wait_ready(1, 10s);
  lease<support::scripted_connection> held;
  const unsigned line = __LINE__ + 1;
  CHECK(support::eventually([&] { return static_cast<bool>(held = pool.try_claim()); }));
  CHECK(support::eventually([&] { return pool.observer().all().size() == 1; }));
  CHECK(pool.observer().all()[0].line == line);
  held.release();

  error_code why;
  const unsigned next = __LINE__ + 1;
  CHECK(support::eventually([&] { return static_cast<bool>(held = pool.try_claim(why)); }));
  CHECK(support::eventually([&] { return pool.observer().all().size() == 2; }));
  CHECK(pool.observer().all()[1].line == next);
}

TEST_CASE("a function that claims for others may say for whom") {
  const auto plan = std::make_shared<support::script>();
  tested_pool<threading::multi_threaded> pool{static_resolver{support::at(1)}, support::follow(plan), usual};
  const auto claim_for = [&](std::source_location who = std::source_location::current()) {
    return pool.claim(10s, who);
  };
  const unsigned line = __LINE__ + 1;
  const auto held = claim_for();
  CHECK(support::eventually([&] { return pool.observer().all().size() == 1; }));
  CHECK(pool.observer().all()[0].line == line);

  // Where nobody hears of it, the same compiles.
  silent_pool silent{static_resolver{support::at(1)}, support::follow(plan), {.max_connections = 1}};
  CHECK(silent.claim(10s, std::source_location::current()));
}

TEST_CASE("on one thread, a coroutine that keeps its lease is found, and only while it does") {
  boost::asio::io_context context;
  const auto plan = std::make_shared<support::script>();
  tested_pool<threading::single_threaded> pool{
      context,
      static_resolver{support::at(1), support::at(2)},
      support::follow(plan),
      {.max_connections = 2, .lease_limit = 2ms, .rebalance_delay = 1ms}};
  unsigned line = 0;
  std::optional<lease<support::scripted_connection>> kept;
  boost::asio::co_spawn(
      context,
      [&]() -> boost::asio::awaitable<void> {
        line = __LINE__ + 1;
        kept = co_await pool.async_claim(boost::asio::use_awaitable);
      },
      boost::asio::detached);
  while (pool.observer().all().empty()) {
    REQUIRE(context.run_one_for(10s) > 0);
    const auto passing = pool.try_claim();  // one after the other; each is short
  }
  CHECK(pool.observer().all()[0].line == line);
  CHECK(pool.observer().all()[0].where == kept->backend().key());
  kept.reset();

  pool.request_stop();
  context.run();  // no timer is left
  CHECK(pool.state() == pool_state::stopped);
  CHECK(pool.observer().all().size() == 1);
}

TEST_CASE("a limit that nobody would hear of is refused") {
  const auto plan = std::make_shared<support::script>();
  try {
    silent_pool pool{static_resolver{support::at(1)}, support::follow(plan), usual};
    FAIL("nothing was thrown");
  } catch (const std::system_error& thrown) {
    CHECK(thrown.code() == errc::bad_option);
    CHECK_THAT(thrown.what(), ct::ContainsSubstring("pool_options::lease_limit is 2 ms"));
    CHECK_THAT(thrown.what(), ct::ContainsSubstring("observer"));
  }
  CHECK_THROWS_AS(check(pool_options{.lease_limit = 1us}), std::system_error);
}

TEST_CASE("observer::counting counts it, and observer::logging has a line for it") {
  observer::counting counts;
  std::vector<std::string> said;
  observer::logging log{[&](observer::severity level, std::string_view line) {
    said.push_back(std::string{to_string(level)} + ": " + std::string{line});
  }};
  const auto where = support::at(1);
  const unsigned line = __LINE__ + 1;
  const lease_overdue_event what{where, std::source_location::current(), 1500ms};
  counts.on(what);
  log.on(what);
  CHECK(counts.lease_overdue.value() == 1);
  REQUIRE(said.size() == 1);
  CHECK_THAT(
      said[0],
      ct::StartsWith("warning: a lease on 127.0.0.1:1 is out for more than 1500 ms; it was claimed at "));
  CHECK_THAT(said[0], ct::ContainsSubstring("leases.cpp:" + std::to_string(line) + " ("));
}
