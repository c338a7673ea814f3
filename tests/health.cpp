// SPDX-License-Identifier: BSL-1.0
/// \file
/// Connections that are asked whether they are well, made as new, and let go.
#include <atomic>
#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

#include <boost/asio/append.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <cueball/pool.hpp>
#include <cueball/static_resolver.hpp>
#include <cueball/threading/lock_free.hpp>
#include <cueball/threading/multi_threaded.hpp>
#include <cueball/threading/single_threaded.hpp>

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

namespace {

/// What happens to questions, and how many there were. Any thread.
struct ward {
  enum class mode { well, unwell, hangs, throws };

  std::atomic<mode> checks = mode::well, resets = mode::well;
  std::atomic<int> asked = 0, was_reset = 0;
  std::shared_ptr<script> plan = std::make_shared<script>();
};

/// Answers each question as the ward says.
template <class Token>
auto answer(const asio::any_io_executor& executor, ward::mode how, Token&& token) {
  if (how == ward::mode::throws) throw std::runtime_error("no question, please");
  return asio::async_initiate<Token, void(error_code)>(
      [executor, how](auto handler) {
        if (how == ward::mode::hangs) return cueball::detail::async_wait_cancelled(std::move(handler));
        const error_code error = how == ward::mode::unwell ? asio::error::connection_reset : error_code{};
        asio::post(executor, asio::append(std::move(handler), error));
      },
      token);
}

class checked : public scripted_connection {
 public:
  checked(asio::any_io_executor executor, const backend& where, std::shared_ptr<ward> of)
      : scripted_connection(executor, where, of->plan), executor_(executor), of_(std::move(of)) {}

  template <class Token>
  auto async_check(Token&& token) {
    ++of_->asked;
    return answer(executor_, of_->checks, std::forward<Token>(token));
  }

 protected:
  asio::any_io_executor executor_;
  std::shared_ptr<ward> of_;
};

class tidy : public checked {
 public:
  using checked::checked;

  template <class Token>
  auto async_reset(Token&& token) {
    ++of_->was_reset;
    is_dirty = false;
    return answer(executor_, of_->resets, std::forward<Token>(token));
  }

  bool is_dirty = false;
};

template <class Connection>
auto make(const std::shared_ptr<ward>& of) {
  return [of](const asio::any_io_executor& executor, const backend& where) {
    return Connection{executor, where, of};
  };
}

pool_options quick() {
  return {.max_connections = 2,
          .rebalance_delay = 1ms,
          .check_interval = 20ms,
          .check_timeout = 20ms,
          .recovery = {.usual = {.retries = 1000, .delay = 1ms, .max_delay = 5ms}, .stable_after = 1ms}};
}

const static_resolver one_backend{{at(1)}};

}  // namespace

TEST_CASE("an idle connection is checked again and again, and stays while it is well") {
  const auto of = std::make_shared<ward>();
  pool<checked> connections{one_backend, make<checked>(of), quick()};
  CHECK(eventually([&] { return of->asked > 6; }));
  CHECK(of->plan->made == 2);
}

TEST_CASE("a connection that is not well, does not answer, or cannot be asked, is replaced") {
  const auto how = GENERATE(ward::mode::unwell, ward::mode::hangs, ward::mode::throws);
  const auto of = std::make_shared<ward>();
  of->checks = how;
  pool<checked> connections{one_backend, make<checked>(of), quick()};
  CHECK(eventually([&] { return of->plan->made > 4; }));
  of->checks = ward::mode::well;
  CHECK(eventually([&] { return connections.stats().slots.idle == 2; }));
  const auto row = connections.stats().backends.at(0);
  CHECK(row.counters.broken >= 2);
  CHECK(row.last_error == (how == ward::mode::unwell  ? error_code{asio::error::connection_reset}
                           : how == ward::mode::hangs ? make_error_code(errc::check_timeout)
                                                      : make_error_code(errc::connection_broken)));
  if (how == ward::mode::throws) CHECK(row.last_error_text == "no question, please");
}

TEMPLATE_TEST_CASE("a pool stops, and goes, while a check hangs", "", threading::multi_threaded,
                   threading::lock_free) {
  const auto of = std::make_shared<ward>();
  of->checks = ward::mode::hangs;
  auto options = quick();
  options.check_timeout = 1h;
  {
    pool<checked, TestType> connections{one_backend, make<checked>(of), options};
    REQUIRE(eventually([&] { return connections.stats().slots.checking > 0; }));
    if (GENERATE(true, false)) CHECK(connections.stop(10s) == 0);
  }
  CHECK(of->plan->alive == 0);
}

TEMPLATE_TEST_CASE("a connection that lay idle for long is checked before a claim gets it", "",
                   threading::multi_threaded, threading::lock_free) {
  const auto of = std::make_shared<ward>();
  auto options = quick();
  options.check_interval = no_limit;
  options.check_after = 5ms;
  pool<checked, TestType> connections{one_backend, make<checked>(of), options};
  connections.wait_ready(2, 10s);
  // Until none is to be had without a question.
  REQUIRE(eventually([&] {
    const auto asked = of->asked.load();
    std::this_thread::sleep_for(5ms);
    const auto claimed = connections.claim();
    return of->asked > asked;
  }));

  of->checks = ward::mode::hangs;  // and all of them rest
  REQUIRE(eventually([&] {
    std::this_thread::sleep_for(7ms);
    error_code error;
    const auto claimed = connections.claim(1ms, error);
    return error == errc::claim_timeout;
  }));
  of->checks = ward::mode::well;
  const auto claimed = connections.claim(10s);
  CHECK(claimed->is_open());
}

TEST_CASE("try_claim takes what lies idle unchecked, since it cannot wait") {
  const auto of = std::make_shared<ward>();
  auto options = quick();
  options.check_interval = no_limit;
  options.check_after = 1ms;
  pool<checked> connections{one_backend, make<checked>(of), options};
  connections.wait_ready(2, 10s);
  for (int i = 0; i < 20; ++i) {
    std::this_thread::sleep_for(1ms);
    CHECK(connections.try_claim());
  }
  CHECK(of->asked == 0);
}

TEMPLATE_TEST_CASE("nobody gets a connection that was not made as new since its last lease", "",
                   threading::multi_threaded, threading::lock_free) {
  const auto of = std::make_shared<ward>();
  auto options = quick();
  options.max_connections = 1;
  options.check_interval = no_limit;
  pool<tidy, TestType> connections{one_backend, make<tidy>(of), options};
  for (int i = 0; i < 10; ++i) {
    const auto claimed = connections.claim(10s);
    CHECK(!claimed->is_dirty);
    claimed->is_dirty = true;
  }
  CHECK(eventually([&] { return of->was_reset == 10; }));
  CHECK(of->plan->made == 1);

  of->resets = GENERATE(ward::mode::unwell, ward::mode::hangs, ward::mode::throws);
  {
    const auto claimed = connections.claim(10s);
  }
  CHECK(eventually([&] { return of->plan->made == 2; }));
  CHECK(!connections.claim(10s)->is_dirty);
}

TEST_CASE("with single_threaded, too, connections are checked and made as new") {
  const auto of = std::make_shared<ward>();
  asio::io_context context;
  pool<tidy, threading::single_threaded> connections{context, one_backend, make<tidy>(of), quick()};
  context.run_for(5ms);
  int claims = 0;
  std::function<void()> next = [&] {
    connections.async_claim([&](error_code error, lease<tidy> claimed) {
      if (error || ++claims == 5) return;
      claimed.release();
      next();
    });
  };
  next();
  CHECK(eventually([&] {
    context.run_for(1ms);
    return claims == 5 && of->was_reset >= 4 && of->asked > 0;
  }));
  connections.request_stop();
  context.run();
  CHECK(of->plan->alive == 0);
}

TEMPLATE_TEST_CASE("after invalidate nobody gets a connection that was opened before it", "",
                   threading::multi_threaded, threading::lock_free) {
  const auto plan = std::make_shared<script>();
  auto options = quick();
  options.max_connections = 8;
  pool<scripted_connection, TestType> connections{static_resolver{{at(1), at(2)}}, follow(plan), options};
  connections.wait_ready(8, 10s);
  auto out = connections.claim();
  const auto was_claimed = &*out;
  connections.invalidate();
  CHECK(&*out == was_claimed);  // it is nobody else's business
  out.release();
  CHECK(eventually([&] { return plan->made == 16 && connections.stats().slots.idle == 8; }));
  CHECK(eventually([&] { return plan->closed == 8; }));

  connections.invalidate(at(1));
  CHECK(eventually([&] { return plan->made == 20 && connections.stats().slots.idle == 8; }));
  CHECK(!connections.invalidate(at(3)));
}

TEST_CASE(
    "the destructor closes what is idle while an invalidation is under way, and nobody runs its context") {
  const auto of = std::make_shared<ward>();
  asio::io_context context;
  auto options = quick();
  options.check_interval = no_limit;
  if (GENERATE(true, false)) options.check_after = 1ms;
  {
    pool<checked> connections{context, one_backend, make<checked>(of), options};
    for (int i = 0; i < 100 && of->plan->connected < 2; ++i) context.run_for(1ms);
    context.run_for(10ms);  // what has lain idle rests, where that is asked for
    connections.invalidate();
  }
  CHECK(of->plan->connected == 2);
  CHECK(of->plan->closed == 2);
}

TEST_CASE("a claim does not wait behind a test that hangs while others can be checked") {
  const auto of = std::make_shared<ward>();
  auto options = quick();
  options.max_connections = 3;
  options.check_interval = no_limit;
  options.check_timeout = 1h;
  options.check_after = 5ms;
  pool<tidy> connections{one_backend, make<tidy>(of), options};
  connections.wait_ready(3, 10s);
  REQUIRE(eventually([&] {  // until those that are idle rest
    const auto asked = of->asked.load();
    std::this_thread::sleep_for(7ms);
    of->resets = ward::mode::well;
    const auto claimed = connections.claim();
    of->resets = ward::mode::hangs;
    return of->asked > asked;
  }));
  // One is being reset, for ever.
  CHECK(connections.claim(10s));
  connections.request_stop();
}

namespace {

/// What the connections of one test share.
struct clinic {
  std::mutex mutex;
  std::condition_variable wake;
  bool hold = false;  ///< While set, `check` and `reset` wait for their deadline.
  std::atomic<int> asked = 0, was_reset = 0, alive = 0, made = 0, connecting = 0;
};

class patient {
 public:
  patient(std::shared_ptr<clinic> of, std::uint16_t port = 1) : of_(std::move(of)), port_(port) {
    ++of_->alive;
    ++of_->made;
  }
  patient(patient&& other) noexcept : of_(std::exchange(other.of_, nullptr)), port_(other.port_) {}
  ~patient() {
    if (of_) --of_->alive;
  }

  void connect(time_point deadline) {
    if (port_ == 1) return;
    ++of_->connecting;
    std::unique_lock lock{of_->mutex};
    of_->wake.wait_until(lock, deadline, [] { return false; });
    throw std::system_error(std::make_error_code(std::errc::timed_out), "nobody answered");
  }
  void close() noexcept {}
  void check(time_point deadline) {
    ++of_->asked;
    wait(deadline);
  }
  void reset(time_point deadline) {
    ++of_->was_reset;
    wait(deadline);
  }

 private:
  void wait(time_point deadline) {
    std::unique_lock lock{of_->mutex};
    if (!of_->wake.wait_until(lock, deadline, [&] { return !of_->hold; }))
      throw std::system_error(std::make_error_code(std::errc::timed_out), "nobody answered");
  }

  std::shared_ptr<clinic> of_;
  std::uint16_t port_;
};

}  // namespace

TEST_CASE("connects that hang do not keep others from being checked in time") {
  const auto of = std::make_shared<clinic>();
  auto options = quick();
  options.max_connections = 4;
  options.check_timeout = 100ms;
  options.max_connecting = {2, 2};
  options.recovery.usual = {
      .retries = 1000, .timeout = 300ms, .max_timeout = 300ms, .delay = 1ms, .max_delay = 1ms};
  pool<patient> connections{static_resolver{{at(1), at(2)}},
                            [of](const backend& where) { return patient{of, where.port}; }, options};
  CHECK(eventually([&] { return of->connecting > 3 && of->asked > 20; }));
  const auto stats = connections.stats();
  CHECK(stats.backends.at(0).counters.broken == 0);
}

TEST_CASE("blocking connections are checked and made as new on worker threads") {
  const auto of = std::make_shared<clinic>();
  {
    pool<patient> connections{one_backend, [of](const backend&) { return patient{of}; }, quick()};
    {
      const auto claimed = connections.claim(10s);
    }
    CHECK(eventually([&] { return of->asked > 4 && of->was_reset == 1; }));
    CHECK(of->made == 2);
    {
      const std::scoped_lock lock{of->mutex};
      of->hold = true;
    }
    CHECK(eventually([&] { return of->made > 4; }));
    {
      const std::scoped_lock lock{of->mutex};
      of->hold = false;
    }
    of->wake.notify_all();
    CHECK(eventually([&] { return connections.stats().slots.idle == 2; }));
  }
  CHECK(of->alive == 0);
}
