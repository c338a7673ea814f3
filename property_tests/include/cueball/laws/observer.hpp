// SPDX-License-Identifier: BSL-1.0
/// \file
/// The laws of an observer.
#pragma once

#include <chrono>
#include <source_location>
#include <string>
#include <utility>

#include <boost/asio/io_context.hpp>

#include <cueball/laws/law.hpp>
#include <cueball/laws/memory_connection.hpp>
#include <cueball/laws/threading.hpp>
#include <cueball/observer_policy.hpp>
#include <cueball/pool.hpp>
#include <cueball/static_resolver.hpp>

namespace cueball::laws {

/// The laws of the observer axis. What an observer makes of what it hears is its own business; that it does
/// not stand in the pool's way is not. Worth running under the thread sanitizer.
/// \param make returns an observer
/// \throws law_broken
template <pool_observer Policy, class Make>
void check_observer(const Make& make) {
  const auto of = " (" + std::string{Policy::name} + ")";

  fact("it hears claims and releases from several threads, and everything else meanwhile" + of, [&] {
    Policy observer = make();
    const backend where{"10.0.0.1", 1};
    detail::in_threads([&](int thread) {
      for (int i = 0; i < 1000; ++i) {
        observer.on(claimed_event{where});
        observer.on(released_event{where, i % 2 == 0});
        if (thread != 0) continue;
        if constexpr (hears_overdue_leases<Policy>)
          observer.on(lease_overdue_event{where, std::source_location::current(), std::chrono::seconds{30}});
        observer.on(connected_event{where});
        observer.on(connect_failed_event{where, errc::connect_timeout, {}});
        observer.on(connect_failed_event{where, errc::connect_failed, "refused"});
        for (const auto reason : {close_reason::unwanted, close_reason::broken, close_reason::discarded,
                                  close_reason::detached, close_reason::cancelled, close_reason::stopped})
          observer.on(closed_event{where, reason, {}, {}});
        observer.on(backend_added_event{where});
        observer.on(backend_changed_event{where});
        observer.on(backend_removed_event{where});
        observer.on(backend_dead_event{where, errc::connect_timeout, {}});
        observer.on(backend_alive_event{where});
        observer.on(resolver_failed_event{errc::resolver_failed, {}});
        observer.on(plan_failed_event{errc::bad_plan, "too many"});
        observer.on(rebalanced_event{.backends = 0, .target = 0});
        observer.on(shuffled_event{0});
        for (const auto state : {pool_state::starting, pool_state::running, pool_state::failed,
                                 pool_state::stopping, pool_state::stopped})
          observer.on(state_changed_event{state});
      }
    });
  });

  fact("a pool that it observes does what a pool does" + of, [&] {
    boost::asio::io_context context;
    pool<memory_connection, threading::single_threaded, Policy> tested{
        context, static_resolver{{"10.0.0.1", 1}, {"10.0.0.2", 1}}, {.max_connections = 4}, make()};
    while (tested.stats().slots.idle < 4) context.run_one();
    for (int i = 0; i < 100; ++i) {
      auto held = tested.try_claim();
      demand(static_cast<bool>(held), "what is idle can be claimed");
      if (i % 10 == 0) held.discard();
      held = {};
      context.poll();
    }
    while (tested.stats().slots.idle < 4) context.run_one();
    const auto stats = tested.stats();
    demand_equal(stats.counters.opened, stats.counters.closed + stats.slots.total(),
                 "R14: opened = closed + total");
    demand_equal(stats.counters.claims, 100, "R14: every claim is counted");
    tested.request_stop();
    context.poll();
    demand(tested.state() == pool_state::stopped, "R15: it stops");
  });
}

template <pool_observer Policy>
void check_observer() {
  check_observer<Policy>([] { return Policy{}; });
}

}  // namespace cueball::laws
