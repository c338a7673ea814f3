// SPDX-License-Identifier: BSL-1.0
/// \file
/// A policy of one's own: a plain class that models the concept of its axis.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <cueball/cueball.hpp>
#include <cueball/rebalance/even_spread.hpp>
#include <cueball/rebalance_policy.hpp>

#include "line_server.hpp"

using namespace std::chrono_literals;

/// All connections go to the backends of the best priority, evenly, but for a few that stay warm on each of
/// the others: when the best ones are withdrawn, the first claims find a connection that is up.
struct warm_standby {
  using category = cueball::rebalance_policy;
  static constexpr std::string_view name = "warm_standby";

  /// Connections to each backend that is not of the best priority.
  std::uint32_t warm = 1;

  std::vector<std::uint32_t> plan(std::span<const cueball::backend_load> live, std::uint32_t target,
                                  cueball::random_source& random) const {
    std::vector<std::uint32_t> counts(live.size(), 0);
    if (live.empty()) return counts;
    auto best = live.front().priority;
    for (const auto& backend : live) best = std::min(best, backend.priority);

    // One at least is left for the best.
    std::vector<cueball::backend_load> first;
    auto left = target;
    for (std::size_t i = 0; i < live.size(); ++i) {
      if (live[i].priority == best) {
        first.push_back(live[i]);
      } else {
        counts[i] = std::min(warm, left - 1);
        left -= counts[i];
      }
    }

    // Among themselves they are spread as usual. This also moves no connection without need, and draws who
    // gets the remainder, so that many clients together are even.
    const auto shares = cueball::rebalance::even_spread{}.plan(first, left, random);
    auto share = shares.begin();
    for (std::size_t i = 0; i < live.size(); ++i)
      if (live[i].priority == best) counts[i] = *share++;
    return counts;
  }
};

// If an expression were missing, the compiler would say here which one.
static_assert(cueball::rebalance_strategy<warm_standby>);

using directory_pool = cueball::pool<cueball::tcp_connection, warm_standby>;

/// Connections that are up, by the name of their backend.
using spread = std::map<std::string, std::uint32_t>;

spread spread_of(const directory_pool& pool) {
  spread found;
  for (const auto& row : pool.stats().backends)
    found[row.where.name] = row.slots.idle + row.slots.claimed + row.slots.checking;
  return found;
}

int main() {
  const examples::line_server server;  // a backend is told apart by its name, too
  const auto at = [&](const char* name, std::uint32_t priority) {
    return cueball::backend{
        .address = "127.0.0.1", .port = server.port(), .name = name, .priority = priority};
  };
  const cueball::static_resolver servers{at("here-1", 0), at("here-2", 0), at("far-1", 1), at("far-2", 1)};

  const directory_pool pool{servers, {.max_connections = 12}, warm_standby{.warm = 2}};

  const spread wanted{{"here-1", 4}, {"here-2", 4}, {"far-1", 2}, {"far-2", 2}};
  for (int i = 0; i < 500 && spread_of(pool) != wanted; ++i) std::this_thread::sleep_for(10ms);

  for (const auto& [name, count] : spread_of(pool)) std::cout << name << ' ' << count << '\n';
  return spread_of(pool) == wanted ? 0 : 1;
}
