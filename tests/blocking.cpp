// SPDX-License-Identifier: BSL-1.0
/// \file
/// Connections that connect by waiting.
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <iterator>
#include <latch>
#include <mutex>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <cueball/manual_resolver.hpp>
#include <cueball/pool.hpp>

#include "support/catch.hpp"
#include "support/eventually.hpp"

namespace asio = boost::asio;
using namespace cueball;
using namespace std::chrono_literals;
using support::eventually;

namespace {

/// What the connections of one test share.
struct world {
  std::mutex mutex;
  std::condition_variable wake;
  bool hold = false;    ///< While set, `connect` waits for its deadline.
  bool hang_up = true;  ///< While not set, `close` does not return.
  std::atomic<int> connecting = 0, most_connecting = 0, closed = 0, alive = 0;
};

class session {
 public:
  session(std::shared_ptr<world> of, const backend& where) : world_(std::move(of)), port_(where.port) {
    ++world_->alive;
  }
  session(session&& other) noexcept : world_(std::exchange(other.world_, nullptr)), port_(other.port_) {}
  ~session() {
    if (world_) --world_->alive;
  }

  void connect(time_point deadline) {
    const int now = ++world_->connecting;
    if (now > world_->most_connecting) world_->most_connecting = now;
    std::unique_lock lock{world_->mutex};
    const bool free = world_->wake.wait_until(lock, deadline, [&] { return !world_->hold; });
    --world_->connecting;
    if (!free) throw std::system_error(std::make_error_code(std::errc::timed_out), "nobody answered");
    if (port_ == 66) throw std::runtime_error("wrong password");
    open_ = true;
  }

  void close() noexcept {
    if (!std::exchange(open_, false)) return;
    std::unique_lock lock{world_->mutex};
    world_->wake.wait(lock, [&] { return world_->hang_up; });
    ++world_->closed;
  }

  bool is_open() const noexcept { return open_; }

 private:
  std::shared_ptr<world> world_;
  std::uint16_t port_;
  bool open_ = false;
};

auto make(std::shared_ptr<world> of) {
  return [of](const backend& where) { return session{of, where}; };
}

constexpr pool_options quick{.max_connections = 4,
                             .rebalance_delay = std::chrono::milliseconds{1},
                             .recovery = {.usual = {.timeout = std::chrono::milliseconds{400},
                                                    .delay = std::chrono::milliseconds{1}}}};

}  // namespace

TEST_CASE("blocking connections are connected and closed on worker threads") {
  const auto of = std::make_shared<world>();
  {
    pool<session> pool{static_resolver{{"127.0.0.1", 1}, {"127.0.0.1", 2}}, make(of), quick};
    pool.wait_ready(4, 10s);
    pool.claim().discard();
    REQUIRE(eventually([&] { return of->closed == 1 && pool.stats().slots.idle == 4; }));
    CHECK(pool.stop(10s) == 0);
    CHECK(of->closed == 5);
  }
  CHECK(of->alive == 0);
}

TEST_CASE("connects that hang hold up nothing but themselves") {
  const auto of = std::make_shared<world>();
  manual_resolver resolver;
  resolver.add({"127.0.0.1", 1});
  {
    pool<session> pool{resolver, make(of), quick};
    pool.wait_ready(4, 10s);
    {
      const std::scoped_lock lock{of->mutex};
      of->hold = true;
    }
    resolver.add({"127.0.0.1", 2});
    REQUIRE(eventually([&] { return of->connecting > 0; }));
    for (int i = 0; i < 100; ++i) CHECK(pool.claim(10s).backend().port == 1);
    CHECK(pool.stats().slots.idle == 4);
    REQUIRE(eventually([&] { return pool.stats().backends.at(1).counters.connect_failures > 0; }));
    {
      const std::scoped_lock lock{of->mutex};
      of->hold = false;
    }
    of->wake.notify_all();
    REQUIRE(eventually(
        [&] { return pool.stats().backends.at(1).slots.idle == 2 && pool.stats().slots.total() == 4; }));
    CHECK(of->most_connecting <= 2);
  }
  CHECK(of->alive == 0);
}

TEST_CASE("what a blocking connect throws is the backend's last error") {
  const auto of = std::make_shared<world>();
  pool<session> pool{static_resolver{{"127.0.0.1", 66}}, make(of), quick};
  REQUIRE(eventually([&] { return pool.stats().counters.connect_failures > 0; }));
  CHECK(pool.stats().backends.at(0).last_error == errc::connect_failed);
  CHECK(pool.stats().backends.at(0).last_error_text == "wrong password");
}

TEST_CASE("a connect that comes back late is neither closed nor destroyed under its feet") {
  struct log {
    std::atomic<int> connects = 0, closed_inside = 0, destroyed_inside = 0;
  };
  struct late {
    explicit late(log& of) : in(&of) {}
    late(late&& other) noexcept : in(other.in) {}
    ~late() { in->destroyed_inside += busy ? 1 : 0; }

    void connect(time_point deadline) {
      busy = true;
      ++in->connects;
      std::this_thread::sleep_until(deadline + 5ms);
      busy = false;
      if (in->connects % 2 == 0) throw std::runtime_error("late, and in vain");
    }
    void close() noexcept { in->closed_inside += busy ? 1 : 0; }

    log* in;
    std::atomic<bool> busy = false;
  };
  log of;
  {
    pool<late> pool{static_resolver{{"127.0.0.1", 1}},
                    [&](const backend&) { return late{of}; },
                    {.max_connections = 4,
                     .rebalance_delay = 1ms,
                     .recovery = {.usual = {.timeout = 5ms, .delay = 1ms, .max_delay = 2ms}}}};
    REQUIRE(eventually([&] { return of.connects > 10; }));
    const auto stats = pool.stats();
    CHECK(stats.counters.opened == stats.counters.closed + stats.slots.total());
    CHECK(pool.stop(10s) == 0);
  }
  CHECK(of.closed_inside == 0);
  CHECK(of.destroyed_inside == 0);
}

TEST_CASE("a connect that ends with the pool leaves nothing open beside the leases") {
  const auto of = std::make_shared<world>();
  asio::thread_pool threads{1};
  auto slow = quick;
  slow.max_connections = 2;
  slow.recovery.usual.timeout = 10s;
  std::latch gone{1};
  lease<session> held;
  {
    pool<session> pool{threads, static_resolver{{"127.0.0.1", 1}}, make(of), slow};
    pool.wait_ready(2, 10s);
    held = pool.claim(10s);
    {
      const std::scoped_lock lock{of->mutex};
      of->hold = true;
    }
    pool.claim(10s).discard();
    REQUIRE(eventually([&] { return of->connecting == 1; }));
    pool.request_stop();
    asio::post(threads, [&gone] { gone.wait(); });  // the answer comes when the pool is gone
    {
      const std::scoped_lock lock{of->mutex};
      of->hold = false;
    }
    of->wake.notify_all();
  }
  gone.count_down();
  CHECK(eventually([&] { return of->alive == 1; }));
  held.release();
  threads.join();
  CHECK(of->alive == 0);
}

TEST_CASE("a pool goes while its connects hang") {
  const auto of = std::make_shared<world>();
  of->hold = true;
  {
    asio::thread_pool threads{1};
    {
      pool<session> pool{threads, static_resolver{{"127.0.0.1", 1}}, make(of), quick};
      REQUIRE(eventually([&] { return of->connecting == 2; }));
    }
    threads.join();
  }
  {
    pool<session> pool{static_resolver{{"127.0.0.1", 1}}, make(of), quick};
    REQUIRE(eventually([&] { return of->connecting == 2; }));
  }
  CHECK(eventually([&] { return of->alive == 0; }));
}

TEST_CASE("a stop keeps its deadline though a blocking connect and a blocking close hang") {
  const auto of = std::make_shared<world>();
  pool<session> pool{static_resolver{{"127.0.0.1", 1}}, make(of), quick};
  pool.wait_ready(4, 10s);
  {
    const std::scoped_lock lock{of->mutex};
    of->hold = true;
    of->hang_up = false;
  }
  pool.claim(10s).discard();
  REQUIRE(eventually([&] { return pool.stats().slots.closing == 1 && of->connecting == 1; }));
  CHECK(pool.stop(20ms) == 5);
  CHECK(pool.state() == pool_state::stopping);
  {
    const std::scoped_lock lock{of->mutex};
    of->hold = false;
    of->hang_up = true;
  }
  of->wake.notify_all();
  CHECK(pool.stop(10s) == 0);
  CHECK(pool.state() == pool_state::stopped);
  CHECK(of->closed == 5);
}

TEST_CASE("code of blocking connections and resolvers runs under no lock of the pool") {
  static std::atomic<int> connects = 0;
  // It asks the pool, which takes the mutex.
  struct asking {
    explicit asking(const std::function<void()>& what) : ask(what) { ask(); }
    asking(asking&& other) noexcept : ask(other.ask) { ask(); }
    ~asking() { ask(); }
    void connect(time_point) {
      ask();
      if (++connects % 3 == 0) throw std::runtime_error("every third one");
    }
    void close() noexcept { ask(); }
    std::function<void()> ask;
  };
  struct asking_resolver {
    void run(const resolver_sink& sink, std::stop_token stop) {
      ask();
      sink.added({"127.0.0.1", 1});
      sink.round_done();
      std::mutex mutex;
      std::unique_lock lock{mutex};
      std::condition_variable_any{}.wait(lock, stop, [] { return false; });
      ask();
    }
    std::function<void()> ask;
  };
  using pool_type = pool<asking>;
  std::atomic<pool_type*> asked = nullptr;
  std::atomic<int> asks = 0;
  const auto ask = [&] {
    if (auto* const of = asked.load()) {
      (void)of->stats();
      ++asks;
    }
  };
  {
    auto options = quick;
    options.recovery.usual.retries = 1000;  // what is discarded at its first use is a failed attempt
    options.recovery.usual.delay = options.recovery.usual.max_delay = 1ms;
    pool_type pool{asking_resolver{ask}, [&](const backend&) { return asking{ask}; }, options};
    asked = &pool;
    pool.wait_ready(4, 10s);
    for (int i = 0; i < 20; ++i) pool.claim(10s).discard();
    {
      [[maybe_unused]] const auto mine = pool.claim(10s).detach();
    }
    CHECK(pool.stop(10s) == 0);
    CHECK(asks > 60);
    asked = nullptr;
  }
}

TEST_CASE("the number of threads depends neither on events nor on closes") {
  const auto threads = [] {
    const std::filesystem::directory_iterator all{"/proc/self/task"};
    return std::distance(begin(all), end(all));
  };
  const auto of = std::make_shared<world>();
  const auto before = threads();
  {
    manual_resolver resolver;
    resolver.add({"127.0.0.1", 1});
    auto few = quick;
    few.max_connecting = {.per_backend = 2, .per_pool = 3};
    pool<session> pool{resolver, make(of), few};
    auto most = before;
    for (std::uint16_t round = 2; round < 30; ++round) {
      pool.wait_ready(4, 10s);
      std::vector<lease<session>> held;
      for (int i = 0; i < 4; ++i) held.push_back(pool.claim(10s));
      for (auto& each : held) each.discard();
      resolver.add({"127.0.0.1", round});
      resolver.remove(backend{"127.0.0.1", static_cast<std::uint16_t>(round - 1)});
      most = std::max(most, threads());
    }
    CHECK(most > before);
    CHECK(most <= before + 1 + 3);  // the pool's own, and a worker for each connect that may be in flight
    CHECK(pool.stop(10s) == 0);
    CHECK(of->closed > 100);
  }
  CHECK(eventually([&] { return threads() == before; }));
}
