// SPDX-License-Identifier: BSL-1.0
/// \file
/// Everything at once, from everywhere, for CUEBALL_SECONDS (2); meant for the sanitizers, and for
/// `scripts/soak`.

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/consign.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>

#include <cueball/decoherence/jittered.hpp>
#include <cueball/decoherence/periodic.hpp>
#include <cueball/manual_resolver.hpp>
#include <cueball/observer/counting.hpp>
#include <cueball/pool.hpp>
#include <cueball/queue/lifo.hpp>
#include <cueball/queue/random.hpp>
#include <cueball/queue/sticky.hpp>
#include <cueball/rebalance/weighted.hpp>
#include <cueball/threading/lock_free.hpp>
#include <cueball/threading/single_threaded.hpp>

#include "support/catch.hpp"
#include "support/eventually.hpp"

namespace asio = boost::asio;
using namespace cueball;
using namespace std::chrono_literals;
using support::eventually;

namespace {

using steady = std::chrono::steady_clock;
using lottery = std::linear_congruential_engine<std::uint32_t, 48271, 0, 2147483647>;

/// CUEBALL_SECONDS, over both tests.
duration length() {
  const char* const given = std::getenv("CUEBALL_SECONDS");
  return std::chrono::milliseconds{given ? 1000 * std::atol(given) : 2000};
}

/// What was done, in all rounds.
struct {
  std::atomic<std::uint64_t> pools = 0, claims = 0, waits_failed = 0, broken = 0, churned = 0, snapshots = 0;
} done;

void report(const char* when) {
  std::printf(
      "%s: %llu pools, %llu claims, %llu claims without one, %llu connections broken, %llu changes of "
      "backends, %llu snapshots\n",
      when, static_cast<unsigned long long>(done.pools), static_cast<unsigned long long>(done.claims),
      static_cast<unsigned long long>(done.waits_failed), static_cast<unsigned long long>(done.broken),
      static_cast<unsigned long long>(done.churned), static_cast<unsigned long long>(done.snapshots));
  std::fflush(stdout);
}

/// Shows every ten seconds what was done.
class progress {
 public:
  ~progress() {
    if (std::getenv("CUEBALL_SECONDS")) report("in all so far");
  }

 private:
  std::jthread thread_{[](const std::stop_token& stop) {
    const auto start = steady::now();
    std::mutex mutex;
    std::condition_variable_any wake;
    for (int seconds = 10;; seconds += 10) {
      std::unique_lock lock{mutex};
      wake.wait_until(lock, stop, start + std::chrono::seconds{seconds}, [] { return false; });
      if (stop.stop_requested()) return;
      report(("after " + std::to_string(seconds) + " s").c_str());
    }
  }};
};

/// One connection, as the outside sees it. Any thread.
struct line {
  std::atomic<bool> open = false;
  std::atomic<bool> in_use = false;

  /// The peer goes away, or the pool does not need it any more.
  void end() {
    const std::scoped_lock lock{mutex};
    ended = true;
    if (watch) asio::post(watch->get_executor(), [timer = watch] { timer->cancel(); });
  }

  std::mutex mutex;
  bool ended = false;
  std::shared_ptr<asio::steady_timer> watch;
};

/// What the backends do, by port, and what there is of connections. Any thread.
class network {
 public:
  enum class mode { accepts, refuses, hangs, slow, throws, dead_on_arrival };

  mode of(std::uint16_t port) {
    const std::scoped_lock lock{mutex_};
    return modes_.at(port);
  }

  void set(std::uint16_t port, mode what) {
    const std::scoped_lock lock{mutex_};
    modes_.at(port) = what;
  }

  void all_is_well() {
    const std::scoped_lock lock{mutex_};
    modes_.fill(mode::accepts);
  }

  void enter(const std::shared_ptr<line>& one) {
    const std::scoped_lock lock{mutex_};
    std::erase_if(lines_, [](const std::weak_ptr<line>& each) { return each.expired(); });
    lines_.push_back(one);
    ++alive;
  }

  /// A connection, in use or not, that there is.
  std::shared_ptr<line> any(std::size_t which) {
    const std::scoped_lock lock{mutex_};
    return lines_.empty() ? nullptr : lines_[which % lines_.size()].lock();
  }

  /// The first thing that was wrong; none if empty.
  std::string problem() {
    const std::scoped_lock lock{mutex_};
    return problem_;
  }

  void demand(bool holds, const char* what) {
    if (holds) return;
    const std::scoped_lock lock{mutex_};
    if (problem_.empty()) problem_ = what;
  }

  std::atomic<int> alive = 0;

 private:
  std::mutex mutex_;
  std::array<mode, 8> modes_{};
  std::vector<std::weak_ptr<line>> lines_;
  std::string problem_;
};

/// Move-only, and not default-constructible.
class fragile {
 public:
  fragile(asio::any_io_executor executor, const backend& where, network& of)
      : executor_(std::move(executor)), port_(where.port), network_(&of), line_(std::make_shared<line>()) {
    network_->enter(line_);
  }
  fragile(fragile&&) noexcept = default;
  ~fragile() {
    if (!line_) return;
    line_->end();
    --network_->alive;
  }

  template <class Token>
  auto async_connect(Token&& token) {
    using mode = network::mode;
    const auto how = network_->of(port_);
    if (how == mode::throws) throw std::runtime_error("it says no");
    return asio::async_initiate<Token, void(error_code)>(
        [this, how](auto handler) {
          const auto timer = std::make_shared<asio::steady_timer>(executor_);
          if (how == mode::hangs)
            timer->expires_at(steady::time_point::max());
          else
            timer->expires_after(how == mode::slow ? 300us : 0us);
          auto slot = asio::get_associated_cancellation_slot(handler);
          const auto executor = asio::get_associated_executor(handler);
          timer->async_wait(asio::bind_cancellation_slot(
              slot, asio::bind_executor(executor, [handler = std::move(handler), timer, how,
                                                   its = line_](error_code error) mutable {
                if (!error && how == mode::refuses) error = asio::error::connection_refused;
                its->open = !error && how != mode::dead_on_arrival;
                std::move(handler)(error);
              })));
        },
        token);
  }

  template <class Token>
  auto async_wait_broken(Token&& token) {
    return asio::async_initiate<Token, void(error_code)>(
        [this](auto handler) {
          auto timer = std::make_shared<asio::steady_timer>(asio::get_associated_executor(handler));
          {
            const std::scoped_lock lock{line_->mutex};
            timer->expires_at(line_->ended ? steady::time_point{} : steady::time_point::max());
            line_->watch = timer;
          }
          timer->async_wait(asio::consign(std::move(handler), timer));
        },
        token);
  }

  void close() noexcept {
    line_->open = false;
    line_->end();
  }

  bool is_open() const noexcept { return line_->open; }

  line& of() const noexcept { return *line_; }

 private:
  asio::any_io_executor executor_;
  std::uint16_t port_;
  network* network_;
  std::shared_ptr<line> line_;
};

using lease_type = lease<fragile>;

constexpr pool_options quick{
    .max_connections = 5,
    .claim_timeout = 2ms,
    .rebalance_delay = 1ms,
    .watch_delay = 1ms,
    .max_connecting = {.per_backend = 3, .per_pool = 5},
    .recovery = {.usual = {.timeout = 5ms, .delay = 1ms, .max_delay = 3ms}, .stable_after = 1ms}};

backend at(std::uint16_t port, std::uint32_t weight = 1) {
  return {.address = "127.0.0.1", .port = port, .weight = weight};
}

/// R14, and R8 as it shows in a snapshot: where releases take no lock, one may be in progress.
template <bool locks = true>
void check(const pool_stats& now, network& outside) {
  slot_counts sum;
  for (const auto& row : now.backends) {
    sum += row.slots;
  }
  outside.demand(sum == now.slots, "R14: the rows add up");
  outside.demand(now.counters.opened == now.counters.closed + now.slots.total(),
                 "R14: opened = closed + total");
  if (locks)
    outside.demand(now.slots.idle == 0 || now.waiters == 0, "R8: no idle connection beside a waiter");
  ++done.snapshots;
}

/// Uses a lease, and ends it somehow. Claims are counted in `claims`.
template <class Random>
void use(lease_type held, network& outside, Random& random, std::atomic<std::uint64_t>& claims) {
  ++claims;
  ++done.claims;
  auto& its = held->of();
  outside.demand(!its.in_use.exchange(true), "no connection is in use twice");
  outside.demand(held.backend().port != 0, "a lease knows its backend");
  if (random() % 8 == 0) {
    its.open = false;
    ++done.broken;
  }
  if (random() % 3 == 0) std::this_thread::yield();
  its.in_use = false;
  switch (random() % 16) {
    case 0:
      return held.discard();
    case 1: {
      const auto taken = held.detach();
      return;
    }
    case 2: {
      const auto moved = std::move(held);
      return;
    }
    default:
      return held.release();
  }
}

/// Backends come and go, change and fail; connections break.
template <class Random>
void churn(manual_resolver& resolver, network& outside, Random& random) {
  const auto port = static_cast<std::uint16_t>(1 + random() % 4);
  switch (random() % 5) {
    case 0:
      return outside.set(port, static_cast<network::mode>(random() % 6));
    case 1:
      return outside.set(port, network::mode::accepts);
    case 2:
      resolver.add(at(port, static_cast<std::uint32_t>(random() % 3)));
      ++done.churned;
      return;
    case 3:
      try {
        resolver.remove(at(port));
        ++done.churned;
      } catch (const std::system_error&) {  // it was not known
      }
      return;
    default:
      if (const auto its = outside.any(random())) {
        its->end();
        ++done.broken;
      }
  }
}

enum class ending { when_well, stopped, destroyed };

constexpr const char* name(ending how) {
  return how == ending::when_well ? "when all is well" : how == ending::stopped ? "stopped" : "destroyed";
}

/// A pool that is used from everywhere for `time`, and how it ends.
template <class Pool, class... Values>
void storm(ending how, duration time, const Values&... values) {
  INFO("a pool that is " << name(how));
  network outside;
  asio::thread_pool threads{2};
  manual_resolver resolver;
  for (std::uint16_t port = 1; port <= 3; ++port) resolver.add(at(port));
  std::atomic<std::uint64_t> claims = 0;
  std::atomic<int> pending = 0;    // waits that did not complete
  std::atomic<int> beginning = 0;  // of these, those that were not begun
  {
    std::optional<Pool> pool;
    pool.emplace(
        threads, resolver,
        [&](const asio::any_io_executor& executor, const backend& where) {
          return fragile{executor, where, outside};
        },
        quick, values...);
    ++done.pools;
    std::mutex stops_mutex;
    std::vector<std::stop_source> stops;  // of claims that may be under way
    std::vector<std::jthread> workers;
    const auto loop = [&](unsigned seed, auto body) {
      workers.emplace_back([=](const std::stop_token& stop) {
        lottery random{seed};
        while (!stop.stop_requested()) body(random);
      });
    };
    for (unsigned seed = 1; seed <= 3; ++seed)
      loop(seed, [&](auto& random) {
        error_code error;
        lease_type held;
        switch (random() % 4) {
          case 0:
            held = pool->try_claim();
            break;
          case 1:
            held = pool->claim(std::chrono::microseconds{random() % 3000}, error);
            break;
          case 2: {
            std::stop_source source;
            {
              const std::scoped_lock lock{stops_mutex};
              stops.push_back(source);
            }
            held = pool->claim(5ms, source.get_token(), error);
            break;
          }
          default:
            held = pool->claim(error);
        }
        if (held)
          use(std::move(held), outside, random, claims);
        else
          ++done.waits_failed;
        if (error == errc::stopped) std::this_thread::yield();
      });
    loop(11, [&](auto& random) {
      std::stop_source source{std::nostopstate};
      {
        const std::scoped_lock lock{stops_mutex};
        if (!stops.empty()) {
          std::swap(stops[random() % stops.size()], stops.back());
          source = std::move(stops.back());
          stops.pop_back();
        }
      }
      if (random() % 2 == 0) source.request_stop();
      std::this_thread::yield();
    });
    loop(12, [&, strand = asio::make_strand(threads)](auto& random) {
      if (pending > 20) return std::this_thread::yield();
      const auto signal = std::make_shared<asio::cancellation_signal>();
      const auto until = std::chrono::microseconds{random() % 3000};
      const auto seed = random();
      ++pending;
      ++beginning;
      asio::post(strand, [&, signal, strand, until, seed] {
        pool->async_claim(
            until, asio::bind_cancellation_slot(
                       signal->slot(), asio::bind_executor(strand, [&, signal, seed](error_code, auto held) {
                         lottery mine{seed};
                         if (held)
                           use(std::move(held), outside, mine, claims);
                         else
                           ++done.waits_failed;
                         --pending;
                       })));
        --beginning;
        if (seed % 2 == 0) asio::post(strand, [signal] { signal->emit(asio::cancellation_type::all); });
      });
    });
    loop(13, [&](auto& random) {
      churn(resolver, outside, random);
      std::this_thread::sleep_for(300us);  // the rate of the churn
    });
    loop(14, [&](auto& random) {
      check<!shares_front<typename Pool::policies::threading>>(pool->stats(), outside);
      error_code error;
      if (random() % 4 == 0) pool->wait_ready(1 + random() % 5, 1ms, error);
    });

    std::this_thread::sleep_for(time);  // the length of the round
    if (how == ending::stopped) {
      workers.emplace_back([&] { pool->request_stop(); });
      workers.emplace_back([&] { (void)pool->stop(1ms); });
      ++pending;
      pool->async_stop(10s, [&](error_code, std::size_t left) {
        outside.demand(left == 0, "R15: a stop ends with nothing left");
        --pending;
      });
      pool->request_stop();
    }
    workers.clear();
    if (how != ending::destroyed) REQUIRE(eventually([&] { return pending == 0; }));

    if (how == ending::when_well) {
      outside.all_is_well();
      for (std::uint16_t port = 1; port <= 4; ++port) resolver.add(at(port));
      CHECK(eventually([&] {
        const auto now = pool->stats();
        return now.slots.idle == 5 && now.slots.total() == 5;
      }));
    }
    if (how == ending::destroyed) {
      // Leases end on another thread, waits are under way, and the pool goes.
      REQUIRE(eventually([&] { return beginning == 0; }));
      std::vector<lease_type> out;
      for (int i = 0; i < 3; ++i)
        if (auto held = pool->try_claim()) out.push_back(std::move(held));
      claims += out.size();
      for (int i = 0; i < 5; ++i) {
        ++pending;
        pool->async_claim(no_limit, [&](error_code, lease_type held) {
          if (held) ++claims;
          --pending;
        });
      }
      const std::jthread other{[held = std::move(out)]() mutable { held.clear(); }};
      pool.reset();
    } else {
      CHECK(pool->stop(10s) == 0);
      const auto now = pool->stats();
      check(now, outside);
      CHECK(now.counters.opened == now.counters.closed);
      CHECK(now.counters.claims == claims);
    }
  }
  threads.join();
  CHECK(pending == 0);
  CHECK(outside.problem() == "");
  CHECK(outside.alive == 0);
}

/// The same on one thread, where everything takes turns.
void turns(duration time, bool stop_first) {
  network outside;
  asio::io_context context;
  manual_resolver resolver;
  for (std::uint16_t port = 1; port <= 3; ++port) resolver.add(at(port));
  std::uint64_t claims = 0;
  std::atomic<std::uint64_t> counted = 0;
  using pool_type = pool<fragile, threading::single_threaded, observer::counting>;
  std::optional<pool_type> pool;
  pool.emplace(
      context, resolver,
      [&](const asio::any_io_executor& executor, const backend& where) {
        return fragile{executor, where, outside};
      },
      quick);
  ++done.pools;
  lottery random{5};
  int pending = 0;
  std::vector<lease_type> held;
  bool ending = false;
  const auto end = steady::now() + time;
  asio::steady_timer timer{context};
  const std::function<void()> turn = [&] {
    if (steady::now() > end) {
      ending = true;
      held.clear();
      if (stop_first)
        pool->async_stop(10s, [&](error_code, std::size_t left) {
          outside.demand(left == 0, "R15: a stop ends with nothing left");
          outside.demand(pool->stats().counters.opened == pool->stats().counters.closed,
                         "R14: opened = closed at the end");
          outside.demand(pool->stats().counters.claims == claims, "R14: claims are counted");
          outside.demand(pool->observer().released.value() == claims, "the observer hears of every end");
          asio::post(context, [&] { pool.reset(); });
        });
      else
        pool.reset();
      return;
    }
    churn(resolver, outside, random);
    check(pool->stats(), outside);
    for (int i = 0; i < 3 && pending < 20; ++i) {
      const auto signal = std::make_shared<asio::cancellation_signal>();
      ++pending;
      pool->async_claim(std::chrono::microseconds{random() % 3000},
                        asio::bind_cancellation_slot(signal->slot(), [&, signal](error_code, lease_type got) {
                          --pending;
                          if (!got) {
                            ++done.waits_failed;
                          } else if (!ending && random() % 2 == 0) {
                            ++claims;
                            ++done.claims;
                            held.push_back(std::move(got));
                          } else {
                            ++claims;
                            use(std::move(got), outside, random, counted);
                          }
                        }));
      if (random() % 4 == 0) signal->emit(asio::cancellation_type::all);
    }
    while (held.size() > random() % 6) held.erase(held.begin());
    timer.expires_after(std::chrono::microseconds{random() % 100});
    timer.async_wait([&](error_code) { turn(); });
  };
  asio::post(context, turn);
  context.run();
  CHECK(pending == 0);
  CHECK(outside.problem() == "");
  CHECK(outside.alive == 0);
}

}  // namespace

TEST_CASE("claims, releases, cancellations, churn and stop from everywhere at once leave every sum right") {
  const progress shown;
  const auto end = steady::now() + length() * 3 / 4;
  const duration round = std::min<duration>(length() / 24, 2s);
  do {
    for (const auto how : {ending::when_well, ending::stopped, ending::destroyed}) {
      storm<pool<fragile, observer::counting>>(how, round / 2);
      storm<pool<fragile, queue::random, rebalance::weighted, decoherence::jittered>>(how, round / 2);
      storm<pool<fragile, queue::lifo>>(how, round / 2);
      storm<pool<fragile, threading::lock_free>>(how, round / 2, decoherence::periodic{500us});
      storm<pool<fragile, threading::lock_free, queue::lifo, observer::counting>>(how, round / 2);
      storm<pool<fragile, threading::lock_free, queue::random, rebalance::weighted, decoherence::periodic>>(
          how, round / 2, decoherence::periodic{500us});
      storm<pool<fragile, threading::lock_free, queue::sticky>>(how, round / 2);
    }
  } while (steady::now() < end);
}

TEST_CASE("on one thread everything takes turns, and every sum is right as well") {
  const progress shown;
  const auto end = steady::now() + length() / 4;
  do
    for (const bool stop_first : {true, false}) turns(std::min<duration>(length() / 10, 2s), stop_first);
  while (steady::now() < end);
}
