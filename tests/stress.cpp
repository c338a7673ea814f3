// SPDX-License-Identifier: BSL-1.0
/// \file
/// Everything at once, from everywhere; meant for the sanitizers.
#include <atomic>
#include <random>
#include <thread>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>

#include <cueball/decoherence/jittered.hpp>
#include <cueball/manual_resolver.hpp>
#include <cueball/observer/counting.hpp>
#include <cueball/pool.hpp>
#include <cueball/queue/lifo.hpp>
#include <cueball/queue/random.hpp>
#include <cueball/rebalance/weighted.hpp>

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

/// No connection is ever held by two.
struct exclusive {
  std::mutex mutex;
  std::map<const void*, int> holders;
  std::atomic<int> conflicts = 0;

  void take(const void* what) {
    const std::scoped_lock lock{mutex};
    if (++holders[what] != 1) ++conflicts;
  }
  void leave(const void* what) {
    const std::scoped_lock lock{mutex};
    --holders[what];
  }
};

template <class Pool>
void storm(bool stop_in_the_middle) {
  const auto plan = std::make_shared<script>();
  asio::thread_pool threads{2};
  manual_resolver resolver;
  for (std::uint16_t port = 1; port <= 3; ++port) resolver.add(at(port));
  exclusive held_once;
  {
    Pool pool{threads,
              resolver,
              follow(plan),
              {.max_connections = 5,
               .rebalance_delay = 1ms,
               .recovery = {.connect = {.timeout = 5ms, .delay = 1ms, .max_delay = 2ms}}}};
    std::atomic<int> pending = 0;
    std::vector<std::jthread> workers;
    for (unsigned seed = 0; seed < 4; ++seed)
      workers.emplace_back([&, seed] {
        std::minstd_rand random{seed + 1};
        for (int i = 0; i < 400; ++i) {
          error_code error;
          auto held = random() % 4 == 0 ? pool.try_claim()
                                        : pool.claim(std::chrono::milliseconds{random() % 3}, error);
          if (!held) continue;
          held_once.take(&*held);
          if (random() % 8 == 0) held->break_it();
          if (random() % 3 == 0) std::this_thread::yield();
          held_once.leave(&*held);
          if (random() % 10 == 0)
            held.discard();
          else if (random() % 20 == 0)
            (void)held.detach();
        }
      });
    workers.emplace_back([&] {
      const auto strand = asio::make_strand(threads);
      std::minstd_rand random{99};
      for (int i = 0; i < 300; ++i) {
        auto signal = std::make_shared<asio::cancellation_signal>();
        ++pending;
        asio::post(strand, [&, signal, strand] {
          pool.async_claim(
              2ms, asio::bind_cancellation_slot(
                       signal->slot(), asio::bind_executor(strand, [&, signal](error_code, auto held) {
                         if (held) {
                           held_once.take(&*held);
                           held_once.leave(&*held);
                         }
                         --pending;
                       })));
        });
        if (random() % 2 == 0) asio::post(strand, [signal] { signal->emit(asio::cancellation_type::all); });
      }
    });
    workers.emplace_back([&] {
      std::minstd_rand random{7};
      for (int i = 0; i < 100; ++i) {
        const auto port = static_cast<std::uint16_t>(1 + random() % 4);
        plan->set(port, static_cast<script::mode>(random() % 5));
        if (random() % 2 == 0)
          resolver.add(
              {.address = "127.0.0.1", .port = port, .weight = static_cast<std::uint32_t>(random() % 3)});
        const auto stats = pool.stats();
        slot_counts sum;
        for (const auto& row : stats.backends) sum.idle += row.slots.total();
        if (sum.idle != stats.slots.total() ||
            stats.counters.opened != stats.counters.closed + stats.slots.total())
          FAIL("the numbers do not add up");
        std::this_thread::sleep_for(100us);
      }
    });
    if (stop_in_the_middle) {
      std::this_thread::sleep_for(5ms);
      pool.request_stop();
    }
    workers.clear();
    REQUIRE(eventually([&] { return pending == 0; }));
    if (!stop_in_the_middle) {
      for (std::uint16_t port = 1; port <= 4; ++port) plan->set(port, script::mode::accept);
      REQUIRE(eventually([&] { return pool.stats().slots.idle == 5 && pool.stats().slots.total() == 5; }));
    }
    CHECK(pool.stop(10s) == 0);
    const auto stats = pool.stats();
    CHECK(stats.counters.opened == stats.counters.closed);
  }
  threads.join();
  CHECK(held_once.conflicts == 0);
  CHECK(plan->alive == 0);
}

}  // namespace

TEST_CASE("claims, cancellations, failures and churn from everywhere end with every connection back") {
  storm<pool<scripted_connection, observer::counting>>(false);
  storm<pool<scripted_connection, queue::random, rebalance::weighted, decoherence::jittered>>(false);
}

TEST_CASE("a stop in the middle of all that ends everything") {
  for (int i = 0; i < 5; ++i) storm<pool<scripted_connection, queue::lifo>>(true);
}
