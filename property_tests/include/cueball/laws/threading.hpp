// SPDX-License-Identifier: BSL-1.0
/// \file
/// The laws of a threading model.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <cueball/laws/law.hpp>
#include <cueball/laws/memory_connection.hpp>
#include <cueball/pool.hpp>
#include <cueball/static_resolver.hpp>
#include <cueball/threading_policy.hpp>

namespace cueball::laws {

namespace detail {

constexpr int threads_of_a_law = 4;

/// Runs `body(i)` in several threads at once.
template <class Body>
void in_threads(const Body& body, int count = threads_of_a_law) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back([&body, i] { body(i); });
}

/// Two words that nobody may see unequal, changed under a lock that `guard` takes.
template <class Guard>
void check_exclusion(const Guard& guard) {
  constexpr std::uint64_t rounds = 20'000;
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  std::atomic<bool> torn = false;
  in_threads([&](int) {
    for (std::uint64_t i = 0; i < rounds; ++i)
      guard([&] {
        if (first != second) torn = true;
        ++first;
        ++second;
      });
  });
  demand(!torn, "nobody sees what another is in the middle of");
  demand_equal(first, rounds * threads_of_a_law, "nothing is lost");
}

/// A thread is held again and again, and let go by another: before, while and after it begins to wait.
template <class Policy>
void check_no_lost_wake_up() {
  using parker_type = typename Policy::parker;
  constexpr std::uint32_t rounds = 20'000;
  std::atomic<parker_type*> waiting = nullptr;
  std::jthread other{[&] {
    for (std::uint32_t i = 0; i < rounds; ++i) {
      parker_type* parker = nullptr;
      while (!(parker = waiting.exchange(nullptr))) std::this_thread::yield();
      if (i % 3 == 0) std::this_thread::yield();
      parker->unpark();
    }
  }};
  for (std::uint32_t i = 0; i < rounds; ++i) {
    auto parker = std::make_unique<parker_type>();  // so that a late access to it is seen by a sanitizer
    waiting = parker.get();
    if (i % 2 == 0) std::this_thread::yield();
    const bool unparked =
        parker->park_until(i % 2 == 0 ? never_comes : Policy::clock::now() + std::chrono::hours{1});
    demand(unparked, "park_until returns true if unpark was called");
  }
}

/// Claims and releases from several threads, more than there are connections: everybody is served, and the
/// books balance.
template <class Policy>
void check_pool_under_threads(int threads) {
  const auto rounds = 20'000 / static_cast<std::uint64_t>(threads);
  pool<memory_connection, Policy> tested{static_resolver{{"10.0.0.1", 1}, {"10.0.0.2", 1}},
                                         {.max_connections = 2, .claim_timeout = no_limit}};
  tested.wait_ready(2, no_limit);
  std::atomic<bool> shared = false;
  in_threads(
      [&](int) {
        for (std::uint64_t i = 0; i < rounds; ++i) {
          const auto held = tested.claim();
          if (held->users->fetch_add(1) != 0) shared = true;
          held->users->fetch_sub(1);
        }
      },
      threads);
  const auto stats = tested.stats();
  demand(!shared, "nobody shares a connection");
  demand_equal(stats.counters.claims, rounds * static_cast<std::uint64_t>(threads),
               "R14: every claim is counted");
  demand_equal(stats.slots.idle, 2, "R14: all came back");
  demand_equal(stats.waiters, 0, "R8: nobody is left waiting");
}

/// Threads that begin to wait one after the other are served in that order.
template <class Policy>
void check_order_of_waiters() {
  constexpr std::uint32_t waiters = 4;
  pool<memory_connection, Policy> tested{static_resolver{{"10.0.0.1", 1}},
                                         {.max_connections = 1, .claim_timeout = no_limit}};
  for (int round = 0; round < 50; ++round) {
    std::atomic<std::uint32_t> next = 0;
    std::atomic<bool> in_order = true;
    {
      std::vector<std::jthread> threads;
      const auto first = tested.claim();
      for (std::uint32_t i = 0; i < waiters; ++i) {
        threads.emplace_back([&, i] {
          const auto held = tested.claim();
          if (next++ != i) in_order = false;
        });
        while (tested.stats().waiters != i + 1) std::this_thread::yield();
      }
    }
    demand(in_order && next == waiters, "R8: waiters are served in order of arrival");
  }
}

}  // namespace detail

/// The laws of the threading axis. Those of waiting are of models that block, those of exclusion of models
/// that are concurrent. A wake-up that is lost shows as a test that does not end; give it a limit of time.
/// Worth running under the thread sanitizer.
/// \throws law_broken
template <threading_model Policy>
void check_threading() {
  const auto of = " (" + std::string{Policy::name} + ")";

  fact("a word holds what was stored" + of, [] {
    typename Policy::template atomic<std::uint32_t> word{7};
    demand_equal(word.load(), 7, "at first it holds what it was made with");
    word.store(9);
    demand_equal(word.load(), 9, "then what was stored last");
  });

  fact("the clock does not go back" + of, [] {
    auto last = Policy::clock::now();
    for (int i = 0; i < 1000; ++i) {
      const auto now = Policy::clock::now();
      demand(now >= last, "the clock does not go back");
      last = now;
    }
  });

  if constexpr (Policy::concurrent) {
    fact("one at a time is inside the mutex" + of, [] {
      typename Policy::mutex mutex;
      detail::check_exclusion([&](const auto& body) {
        const std::scoped_lock lock{mutex};
        body();
      });
    });

    fact("what is stored in a word is seen by the others, and in time" + of, [] {
      typename Policy::template atomic<std::uint32_t> word{0};
      typename Policy::mutex mutex;
      const auto locked = [&](const auto& body) {
        const std::scoped_lock lock{mutex};
        return body();
      };
      std::jthread other{[&] { locked([&] { word.store(1); }); }};
      while (locked([&] { return word.load(); }) != 1) std::this_thread::yield();
    });
  }

  if constexpr (Policy::blocks && Policy::concurrent) {
    fact("a pool serves more threads than it has connections, and fewer" + of, [] {
      for (const int threads : {1, 2, 8, 64}) detail::check_pool_under_threads<Policy>(threads);
    });
    fact("waiting threads are served in order of arrival" + of, detail::check_order_of_waiters<Policy>);
  }

  if constexpr (Policy::blocks) {
    fact("no wake-up is lost, whenever it comes" + of, [] { detail::check_no_lost_wake_up<Policy>(); });

    fact("an unpark that came first is not forgotten" + of, [] {
      typename Policy::parker parker;
      parker.unpark();
      demand(parker.park_until(never_comes), "park_until returns at once");
    });

    fact("a wait ends at its deadline, and not before" + of, [] {
      for (const int patience : {0, 1, 20}) {
        typename Policy::parker parker;
        const auto deadline = Policy::clock::now() + std::chrono::milliseconds{patience};
        demand(!parker.park_until(deadline), "park_until returns false at the deadline");
        demand(Policy::clock::now() >= deadline, "it does not return before");
      }
    });
  }
}

}  // namespace cueball::laws
