// SPDX-License-Identifier: BSL-1.0
/// \file
/// The asynchronous forms: tokens, executors, cancellation.
#include <future>
#include <memory_resource>
#include <thread>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <cueball/manual_resolver.hpp>
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
using pool_type = pool<scripted_connection>;
using lease_type = lease<scripted_connection>;

namespace {

constexpr pool_options quick{.max_connections = 1, .rebalance_delay = std::chrono::milliseconds{1}};

struct fixture {
  std::shared_ptr<script> plan = std::make_shared<script>();
  asio::thread_pool threads{2};
  pool_type pool{threads, static_resolver{at(1)}, follow(plan), quick};

  ~fixture() {
    pool.request_stop();
    threads.join();
  }
};

}  // namespace

TEST_CASE("async_claim works with futures, coroutines, deferred and callbacks") {
  fixture f;
  CHECK(f.pool.async_claim(asio::use_future).get().backend().port == 1);
  CHECK(f.pool.async_claim(10s, asio::use_future).get());
  CHECK(f.pool.async_claim(asio::deferred)(asio::use_future).get());

  std::promise<bool> done;
  f.pool.async_claim([&](error_code error, lease_type held) { done.set_value(!error && held); });
  CHECK(done.get_future().get());

  const auto count = asio::co_spawn(
      f.threads,
      [&]() -> asio::awaitable<int> {
        int claimed = 0;
        for (int i = 0; i < 10; ++i) {
          auto held = co_await f.pool.async_claim(asio::use_awaitable);
          claimed += held ? 1 : 0;
        }
        auto [error, held] = co_await f.pool.async_claim(asio::as_tuple(asio::use_awaitable));
        co_return claimed + (held && !error ? 1 : 0);
      },
      asio::use_future);
  CHECK(const_cast<std::future<int>&>(count).get() == 11);
}

TEST_CASE("an awaiting coroutine gets the error as an exception") {
  fixture f;
  auto held = f.pool.claim(10s);
  // Caught in the coroutine: libstdc++ counts references to exceptions where the thread sanitizer does not
  // see it.
  const auto attempt = [&]() -> asio::awaitable<error_code> {
    try {
      (void)co_await f.pool.async_claim(1ms, asio::use_awaitable);
    } catch (const boost::system::system_error& thrown) {
      co_return thrown.code();
    }
    co_return error_code{};
  };
  CHECK(asio::co_spawn(f.threads, attempt, asio::use_future).get() == errc::claim_timeout);
}

TEST_CASE("a completion never runs inside the initiating call, and runs on the handler's executor") {
  fixture f;
  f.pool.wait_ready(1, 10s);
  asio::io_context foreign;
  bool done = false;
  f.pool.async_claim(asio::bind_executor(foreign, [&](error_code error, lease_type held) {
    CHECK_FALSE(error);
    CHECK(held);
    CHECK(foreign.get_executor().running_in_this_thread());
    done = true;
  }));
  CHECK_FALSE(done);
  // The pool keeps work outstanding there until the completion ran.
  foreign.run();
  CHECK(done);
}

TEST_CASE("a wait keeps work outstanding on the handler's executor") {
  fixture f;
  auto held = f.pool.claim(10s);
  asio::io_context foreign;
  bool done = false;
  f.pool.async_claim(
      asio::bind_executor(foreign, [&](error_code, lease_type granted) { done = bool(granted); }));
  std::jthread releaser{[&] {
    eventually([&] { return f.pool.stats().waiters == 1; });
    held.release();
  }};
  foreign.run();
  CHECK(done);
}

TEST_CASE("a waiting claim can be cancelled, and the next one is served") {
  fixture f;
  auto held = f.pool.claim(10s);
  asio::io_context foreign;
  asio::cancellation_signal signal;
  error_code first = errc::none_idle;
  bool second = false;
  f.pool.async_claim(asio::bind_cancellation_slot(
      signal.slot(), asio::bind_executor(foreign, [&](error_code error, lease_type) { first = error; })));
  f.pool.async_claim(
      asio::bind_executor(foreign, [&](error_code, lease_type granted) { second = bool(granted); }));
  signal.emit(asio::cancellation_type::total);
  held.release();
  foreign.run();
  CHECK(first == asio::error::operation_aborted);
  CHECK(second);
  CHECK(f.pool.stats().cancelled == 1);
  CHECK(f.pool.stats().slots.idle == 1);
}

TEST_CASE("a cancellation that comes after the grant changes nothing") {
  fixture f;
  f.pool.wait_ready(1, 10s);
  asio::io_context foreign;
  asio::cancellation_signal signal;
  bool granted = false;
  f.pool.async_claim(asio::bind_cancellation_slot(
      signal.slot(),
      asio::bind_executor(foreign, [&](error_code error, lease_type held) { granted = !error && held; })));
  signal.emit(asio::cancellation_type::terminal);
  foreign.run();
  CHECK(granted);
}

TEST_CASE("a claim that need not wait leaves the handler's cancellation slot alone") {
  fixture f;
  f.pool.wait_ready(1, 10s);
  asio::io_context foreign;
  asio::cancellation_signal signal;
  f.pool.async_claim(asio::bind_cancellation_slot(
      signal.slot(), asio::bind_executor(foreign, [](error_code, lease_type) {})));
  CHECK_FALSE(signal.slot().has_handler());
  foreign.run();
}

TEST_CASE("a cancellation may come from whichever thread runs the handler's strand") {
  fixture f;
  asio::thread_pool users{3};
  std::atomic<int> granted = 0, aborted = 0, others = 0;
  struct attempt {
    explicit attempt(const asio::thread_pool::executor_type& on)
        : strand(asio::make_strand(on)), timer(strand) {}
    asio::strand<asio::thread_pool::executor_type> strand;
    asio::steady_timer timer;
    asio::cancellation_signal signal;
  };
  constexpr int many = 600;
  for (int i = 0; i < many; ++i) {
    const auto mine = std::make_shared<attempt>(users.get_executor());
    asio::post(mine->strand, [&, mine, i] {
      mine->timer.expires_after(i % 4 * 50us);
      mine->timer.async_wait([mine](error_code) { mine->signal.emit(asio::cancellation_type::total); });
      f.pool.async_claim(asio::bind_cancellation_slot(
          mine->signal.slot(),
          asio::bind_executor(mine->strand, [&, mine](error_code error, lease_type held) {
            ++(held ? granted : error == asio::error::operation_aborted ? aborted : others);
          })));
    });
  }
  users.join();
  CHECK(granted + aborted == many);
  CHECK(others == 0);
  CHECK(f.pool.stats().waiters == 0);
  CHECK(f.pool.stats().cancelled == static_cast<std::uint64_t>(aborted));
  CHECK(eventually([&] { return f.pool.stats().slots.idle == 1; }));
}

TEST_CASE("a connection whose completion is destroyed uncalled goes back") {
  fixture f;
  f.pool.wait_ready(1, 10s);
  {
    asio::io_context foreign;
    f.pool.async_claim(
        asio::bind_executor(foreign, [](error_code, lease_type) { FAIL("nobody runs this"); }));
    CHECK(f.pool.stats().slots.claimed == 1);
  }
  CHECK(f.pool.stats().slots.idle == 1);
}

TEST_CASE("the pool may go before the completion of a claim runs, or is destroyed uncalled") {
  const auto plan = std::make_shared<script>();
  asio::thread_pool threads{2};
  for (const bool runs : {true, false}) {
    bool done = false;
    {
      asio::io_context foreign;
      {
        pool_type pool{threads, static_resolver{at(1)}, follow(plan), quick};
        pool.wait_ready(1, 10s);
        pool.async_claim(
            asio::bind_executor(foreign, [&](error_code error, lease_type held) { done = !error && held; }));
      }
      CHECK(plan->alive == 1);
      if (runs) foreign.run();
    }
    CHECK(done == runs);
    CHECK(plan->alive == 0);
  }
}

TEST_CASE("async_wait_ready completes when so many connections are up") {
  fixture f;
  f.pool.async_wait_ready(1, 10s, asio::use_future).get();
  CHECK(f.pool.stats().slots.idle == 1);
}

TEST_CASE("async_wait_ready refuses what no pool of this size could become") {
  fixture f;
  const auto ready = [&](std::uint32_t count) {
    std::promise<error_code> done;
    f.pool.async_wait_ready(count, 10s, [&](error_code error) { done.set_value(error); });
    return done.get_future().get();
  };
  CHECK(ready(0) == errc::bad_argument);
  CHECK(ready(2) == errc::bad_argument);
  CHECK_FALSE(ready(1));
}

TEST_CASE("async_stop completes when the last lease is back, or at its deadline with the number left") {
  fixture f;
  auto held = f.pool.claim(10s);
  CHECK(f.pool.async_stop(1ms, asio::use_future).get() == 1);
  CHECK(f.pool.state() == pool_state::stopping);
  auto left = f.pool.async_stop(10s, asio::use_future);
  held.release();
  CHECK(left.get() == 0);
  CHECK(f.pool.state() == pool_state::stopped);
  CHECK(f.plan->alive == 0);
}

TEST_CASE("claims from coroutines on a strand share one connection without a race") {
  fixture f;
  const auto strand = asio::make_strand(f.threads);
  int inside = 0;
  std::vector<std::future<void>> all;
  for (int i = 0; i < 8; ++i)
    all.push_back(asio::co_spawn(
        strand,
        [&]() -> asio::awaitable<void> {
          for (int round = 0; round < 50; ++round) {
            auto held = co_await f.pool.async_claim(asio::use_awaitable);
            CHECK(++inside == 1);
            --inside;
          }
        },
        asio::use_future));
  for (auto& each : all) each.get();
  CHECK(f.pool.stats().counters.claims == 400);
}

namespace {

struct counting_resource : std::pmr::memory_resource {
  std::atomic<int> allocated = 0, freed = 0;
  void* do_allocate(std::size_t bytes, std::size_t align) override {
    ++allocated;
    return std::pmr::new_delete_resource()->allocate(bytes, align);
  }
  void do_deallocate(void* at_address, std::size_t bytes, std::size_t align) override {
    ++freed;
    std::pmr::new_delete_resource()->deallocate(at_address, bytes, align);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

/// A handler that has an allocator.
struct allocating {
  using allocator_type = std::pmr::polymorphic_allocator<std::byte>;
  std::promise<void>* done;
  counting_resource* memory;
  allocator_type get_allocator() const noexcept { return allocator_type{memory}; }
  void operator()(error_code, lease_type) { done->set_value(); }
};

}  // namespace

TEST_CASE("the handler's allocator is used") {
  fixture f;
  f.pool.wait_ready(1, 10s);
  counting_resource memory;
  std::promise<void> done;
  f.pool.async_claim(allocating{&done, &memory});
  done.get_future().get();
  CHECK(memory.allocated > 0);
  REQUIRE(eventually([&] { return memory.allocated == memory.freed; }));
}

TEST_CASE("a claim that need not wait is one post: it allocates once, where the handler says") {
  fixture f;
  f.pool.wait_ready(1, 10s);
  counting_resource memory;
  std::promise<void> done;
  asio::io_context foreign;
  f.pool.async_claim(asio::bind_executor(foreign, allocating{&done, &memory}));
  CHECK(memory.allocated == 1);
  CHECK(foreign.run() == 1);
  CHECK(memory.allocated == 1);
  CHECK(memory.freed == 1);
}

namespace {

/// A handler whose move throws at the `when`-th time.
struct unmovable {
  unmovable(asio::io_context& on, int& count, int at) : context(&on), moves(&count), when(at) {}
  unmovable(unmovable&& other) : context(other.context), moves(other.moves), when(other.when) {
    if (++*moves == when) throw std::runtime_error("no further");
  }

  using executor_type = asio::io_context::executor_type;
  executor_type get_executor() const noexcept { return context->get_executor(); }
  void operator()(error_code, lease_type) {}

  asio::io_context* context;
  int* moves;
  int when;
};

/// The same, but for its executor.
template <class Handler>
struct unbound {
  Handler inner;
  void operator()(error_code error, lease_type held) { inner(error, std::move(held)); }
};

}  // namespace

TEST_CASE("a handler that throws when it is moved costs no connection") {
  asio::io_context context;
  const auto plan = std::make_shared<script>();
  pool_type pool{context, static_resolver{at(1)}, follow(plan), quick};
  while (pool.stats().slots.idle == 0) context.run_one();

  const auto attempts = [&](auto claim) {
    int moves = 0;
    int when = 0;
    while (moves == when) {  // until it is not moved that often
      ++when;
      moves = 0;
      asio::io_context foreign;
      try {
        claim(unmovable{foreign, moves, when});
        foreign.poll();
        context.poll();
      } catch (const std::runtime_error&) {
      }
      CHECK(pool.stats().slots.idle == 1);
      CHECK(pool.try_claim());
    }
    return when;
  };
  const auto has_to_wait = [&](auto handler) {
    auto held = pool.try_claim();
    pool.async_claim(std::move(handler));
  };

  SECTION("that has an executor") {
    CHECK(attempts([&](unmovable handler) { pool.async_claim(std::move(handler)); }) > 3);
  }
  SECTION("that has none") {
    CHECK(attempts([&](unmovable handler) { pool.async_claim(unbound<unmovable>{std::move(handler)}); }) > 3);
  }
  SECTION("that has an executor, and has to wait") {
    CHECK(attempts([&](unmovable handler) { has_to_wait(std::move(handler)); }) > 3);
  }
  SECTION("that has none, and has to wait") {
    CHECK(attempts([&](unmovable handler) { has_to_wait(unbound<unmovable>{std::move(handler)}); }) > 3);
  }
}
