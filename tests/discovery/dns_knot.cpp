// SPDX-License-Identifier: BSL-1.0
/// \file
/// The dns_resolver over a real nameserver, whose zone changes meanwhile.
#include <atomic>
#include <chrono>
#include <map>
#include <string>
#include <thread>

#include <cueball/cueball.hpp>
#include <cueball/dns_resolver.hpp>
#include <cueball/observer/counting.hpp>

#include "discovery/support/knot.hpp"
#include "support/catch.hpp"
#include "support/echo_server.hpp"
#include "support/eventually.hpp"

using namespace cueball;
using namespace std::chrono_literals;
using support::echo_server;
using support::eventually;
using support::knot;

using echo_pool = pool<tcp_connection, observer::counting>;

namespace {

const pool_options quick{.max_connections = 4, .claim_timeout = 2s, .rebalance_delay = 10ms};

dns_options ask(const knot& server) {
  return {.service = "_echo._tcp",
          .nameservers = {server.address()},
          .recovery = {.retries = 2, .timeout = 200ms, .max_timeout = 400ms, .delay = 20ms},
          .families = dns_families::v4,
          .seed = 1};
}

/// The idle connections of each live backend, by port.
std::map<std::uint16_t, unsigned> spread(const echo_pool& pool) {
  std::map<std::uint16_t, unsigned> counts;
  for (const auto& row : pool.stats().backends)
    if (row.live) counts[row.where.port] = row.slots.idle;
  return counts;
}

using counts = std::map<std::uint16_t, unsigned>;

std::string service(const echo_server& at, const std::string& target = "web") {
  return "_echo._tcp 1 SRV 0 1 " + std::to_string(at.port()) + " " + target;
}

}  // namespace

TEST_CASE("the spread follows a zone that changes, and no claim fails") {
  const echo_server first, second;
  knot server{service(first) + "\nweb 1 A 127.0.0.1"};
  echo_pool pool{dns_resolver{"svc.test", ask(server)}, quick};
  pool.wait_ready(4, 5s);
  REQUIRE(eventually([&] { return spread(pool) == counts{{first.port(), 4}}; }));

  std::atomic<bool> over = false;
  std::atomic<int> served = 0, failed = 0;
  std::thread user{[&] {
    while (!over) try {
        auto connection = pool.claim();
        support::echo(*connection, "hello");
        ++served;
      } catch (const std::exception&) {
        ++failed;
      }
  }};
  server.change({}, {service(second)});
  const auto begin = std::chrono::steady_clock::now();
  const bool came = eventually([&] {
    const auto now = spread(pool);
    return now.size() == 2 && second.accepted() == 2;
  });
  const auto took = std::chrono::steady_clock::now() - begin;
  server.change({"_echo._tcp SRV 0 1 " + std::to_string(first.port()) + " web"}, {});
  const bool went = eventually([&] { return spread(pool).size() == 1 && first.open() == 0; });
  over = true;
  user.join();
  CHECK(came);
  CHECK(took < 1s * 1.2 + 500ms);
  CHECK(went);
  CHECK(served > 100);
  CHECK(failed == 0);
  CHECK(pool.observer().resolver_failed.value() == 0);
}
