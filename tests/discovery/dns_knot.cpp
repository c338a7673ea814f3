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
#include <cueball/rebalance/weighted.hpp>

#include "discovery/support/datagram_relay.hpp"
#include "discovery/support/knot.hpp"
#include "support/catch.hpp"
#include "support/echo_server.hpp"
#include "support/eventually.hpp"
#include "support/recorder.hpp"

using namespace cueball;
using namespace std::chrono_literals;
using support::datagram_relay;
using support::echo_server;
using support::eventually;
using support::knot;

using echo_pool = pool<tcp_connection, observer::counting>;

namespace {

const support::skip_unless with_knotd{support::is_program("knotd"), "knotd"},
    with_nsupdate{support::is_program("nsupdate"), "nsupdate"};

const pool_options quick{.max_connections = 4, .claim_timeout = 2s, .rebalance_delay = 10ms};

// Of all records here.
constexpr auto ttl = 1s;

// To loopback, with a question before it, on a machine that has more to do.
constexpr auto a_connect = 250ms;

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

std::string service(const echo_server& at) {
  return "_echo._tcp.svc.test. 1 SRV 0 1 " + std::to_string(at.port()) + " web.svc.test.";
}

}  // namespace

TEST_CASE("the spread follows a zone that changes, and no claim fails") {
  const echo_server first, second;
  const knot server{service(first) + "\nweb 1 A 127.0.0.1"};
  const datagram_relay relay{server.port()};
  auto options = ask(server);
  options.nameservers = {relay.address()};
  echo_pool pool{dns_resolver{"svc.test", options}, quick};
  pool.wait_ready(4, 5s);
  REQUIRE(eventually([&] { return spread(pool) == counts{{first.port(), 4}}; }));
  const auto& heard = pool.observer();
  CHECK(heard.backend_added.value() == 1);

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

  // The zone is unchanged for two TTLs and more, and changes when an answer has just been given: that is the
  // worst moment.
  const auto before = relay.times().size();
  const bool same = eventually([&] {
    const auto all = relay.times();
    return all.size() > before && all.back() - all[before] >= 2 * ttl;
  });
  const auto last = relay.times().back();
  const auto news =
      heard.backend_added.value() + heard.backend_changed.value() + heard.backend_removed.value();

  server.change({}, {service(second)});
  const bool came = eventually([&] { return second.accepted() == 2; });
  const auto took = std::chrono::steady_clock::now() - last;
  const bool evened = eventually([&] { return spread(pool).size() == 2; });
  server.change({service(first)}, {});
  const bool went = eventually([&] { return spread(pool).size() == 1 && first.open() == 0; });
  over = true;
  user.join();
  CHECK(same);
  CHECK(news == 1);
  CHECK(came);
  CHECK(took >= ttl + quick.rebalance_delay);
  CHECK(took <= ttl + ttl * options.recovery.spread + quick.rebalance_delay + a_connect);
  CHECK(evened);
  CHECK(went);
  CHECK(heard.backend_added.value() == 2);
  CHECK(heard.backend_changed.value() == 0);
  CHECK(heard.backend_removed.value() == 1);
  CHECK(served > 100);
  CHECK(failed == 0);
  CHECK(heard.resolver_failed.value() == 0);
}

TEST_CASE("a pool outlives its nameserver, and the next one is asked") {
  const echo_server backend;
  const auto records = service(backend) + "\nweb 1 A 127.0.0.1";
  knot first{records}, second{records};
  auto options = ask(first);
  options.nameservers.push_back(second.address());
  echo_pool pool{dns_resolver{"svc.test", options}, quick};
  pool.wait_ready(4, 5s);
  first.kill();
  const echo_server other;
  second.change({}, {service(other)});
  REQUIRE(eventually([&] { return spread(pool) == counts{{backend.port(), 2}, {other.port(), 2}}; }));
  CHECK(pool.observer().resolver_failed.value() == 0);
  second.kill();
  REQUIRE(eventually([&] { return pool.observer().resolver_failed.value() >= 2; }));
  CHECK(spread(pool) == counts{{backend.port(), 2}, {other.port(), 2}});
  CHECK_NOTHROW(pool.claim());
}

TEST_CASE("a service that is gone is believed when patience is over") {
  const echo_server backend;
  knot server{service(backend) + "\nweb 1 A 127.0.0.1"};
  auto options = ask(server);
  options.patience = {.missing = 1, .empty = 3};
  echo_pool pool{dns_resolver{"svc.test", options}, quick};
  pool.wait_ready(4, 5s);
  server.change({"_echo._tcp.svc.test."}, {});
  const auto begin = std::chrono::steady_clock::now();
  REQUIRE(eventually([&] { return pool.stats().backends.empty() && backend.open() == 0; }));
  // The third empty answer comes two seconds, which is twice what the SOA says, after the first one.
  CHECK(std::chrono::steady_clock::now() - begin > 2s);
  CHECK(pool.observer().resolver_failed.value() == 0);
  server.change({}, {service(backend)});
  CHECK(eventually([&] { return spread(pool) == counts{{backend.port(), 4}}; }));
}

TEST_CASE("priority and weight of SRV records decide under rebalance::weighted") {
  const echo_server heavy, light, spare;
  const auto record = [](const echo_server& at, const std::string& priority, const std::string& weight) {
    return "_echo._tcp 1 SRV " + priority + " " + weight + " " + std::to_string(at.port()) + " web\n";
  };
  const knot server{record(heavy, "1", "30") + record(light, "1", "10") + record(spare, "2", "90") +
                    "web 1 A 127.0.0.1"};
  pool<tcp_connection, rebalance::weighted> pool{dns_resolver{"svc.test", ask(server)}, quick};
  pool.wait_ready(4, 5s);
  CHECK(eventually([&] { return heavy.open() == 3 && light.open() == 1 && spare.open() == 0; }));
}

TEST_CASE("an answer that fits no datagram is had whole") {
  std::string records;
  for (int i = 1; i <= 250; ++i) records += "svc 1 A 10.0.0." + std::to_string(i) + "\n";
  const knot server{records};
  auto options = ask(server);
  options.default_port = 80;
  const support::background_run<dns_resolver> run{dns_resolver{"svc.svc.test", options}};
  REQUIRE(eventually([&] { return run.told().rounds() == 1; }));
  CHECK(run.told().keys().size() == 250);
  CHECK(run.told().failures().empty());
}
