// SPDX-License-Identifier: BSL-1.0
/// \file
/// A composition of one's own: the policies in any order, backends that the program announces itself, and an
/// observer. All of it runs on one thread.
#include <chrono>
#include <cstdint>
#include <exception>
#include <iostream>
#include <string>
#include <type_traits>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cueball/decoherence/jittered.hpp>
#include <cueball/manual_resolver.hpp>
#include <cueball/observer/counting.hpp>
#include <cueball/pool.hpp>
#include <cueball/queue/random.hpp>
#include <cueball/rebalance/weighted.hpp>
#include <cueball/tcp_connection.hpp>
#include <cueball/threading/single_threaded.hpp>

#include "line_server.hpp"

namespace asio = boost::asio;
using namespace std::chrono_literals;

// No lock and no atomic instruction; whoever is bigger gets more; no two programs shuffle in step.
using my_pool =
    cueball::pool<cueball::tcp_connection, cueball::threading::single_threaded, cueball::rebalance::weighted,
                  cueball::queue::random, cueball::decoherence::jittered, cueball::observer::counting>;

// The order does not matter: this is the same type.
static_assert(std::is_same_v<
              my_pool, cueball::pool<cueball::tcp_connection, cueball::observer::counting,
                                     cueball::queue::random, cueball::decoherence::jittered,
                                     cueball::rebalance::weighted, cueball::threading::single_threaded>>);

/// The connections of each backend that are up, in the order of announcement: "big 6, small 4".
std::string spread_of(const my_pool& pool) {
  std::string text;
  for (const auto& row : pool.stats().backends) {
    const auto up = row.slots.idle + row.slots.claimed + row.slots.checking;
    text += (text.empty() ? "" : ", ") + row.where.name + ' ' + std::to_string(up);
  }
  return text;
}

/// True as soon as the connections are spread like this; false if they are not within five seconds.
asio::awaitable<bool> becomes(const my_pool& pool, std::string wanted) {
  asio::steady_timer timer{co_await asio::this_coro::executor};
  for (int i = 0; i < 500 && spread_of(pool) != wanted; ++i) {
    timer.expires_after(10ms);
    co_await timer.async_wait(asio::use_awaitable);
  }
  std::cout << spread_of(pool) << '\n';
  co_return spread_of(pool) == wanted;
}

asio::awaitable<bool> run(my_pool& pool, cueball::manual_resolver& servers, std::uint16_t port) {
  // Ten connections by weight: 3 to 2.
  const cueball::backend big{.address = "127.0.0.1", .port = port, .name = "big", .weight = 3};
  const cueball::backend small{.address = "127.0.0.1", .port = port, .name = "small", .weight = 2};
  servers.add(big);
  servers.add(small);
  bool right = co_await becomes(pool, "big 6, small 4");

  // A stand-by has a lower priority, so it gets none while a better one is announced.
  servers.add({.address = "127.0.0.1", .port = port, .name = "stand-by", .priority = 1});
  right = co_await becomes(pool, "big 6, small 4, stand-by 0") && right;

  servers.remove(big);
  servers.remove(small);
  right = co_await becomes(pool, "stand-by 10") && right;

  {
    const auto claimed = co_await pool.async_claim(asio::use_awaitable);
    right = right && claimed.backend().name == "stand-by";
  }
  (void)co_await pool.async_stop(1s, asio::use_awaitable);

  const auto& counted = pool.observer();
  std::cout << counted.connected.value() << " connected, " << counted.closed.value() << " closed, "
            << counted.rebalanced.value() << " rebalances, " << counted.claimed.value() << " claim\n";
  co_return right&& counted.connected.value() == 20 && counted.closed.value() == 20 &&
      counted.rebalanced.value() >= 2 && counted.claimed.value() == 1;
}

int main() {
  const examples::line_server server;  // one is enough: a backend is told apart by its name, too
  asio::io_context context;
  cueball::manual_resolver servers;

  // The type selects the policies; a value carries the state of one of them.
  my_pool pool{context,
               servers,
               {.max_connections = 10, .rebalance_delay = 10ms},
               cueball::decoherence::jittered{.interval = 60s, .spread = 0.3}};

  bool right = false;
  asio::co_spawn(context, run(pool, servers, server.port()), [&](std::exception_ptr thrown, bool result) {
    right = !thrown && result;
    context.stop();
  });
  context.run();
  return right ? 0 : 1;
}
