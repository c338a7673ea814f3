// SPDX-License-Identifier: BSL-1.0
/// \file
/// Backends, options, errors: what users write, and what they are told when it is wrong.
#include <set>
#include <string>
#include <system_error>

#include <cueball/backend.hpp>
#include <cueball/deadline.hpp>
#include <cueball/decoherence/adaptive.hpp>
#include <cueball/error.hpp>
#include <cueball/pool.hpp>
#include <cueball/pool_options.hpp>
#include <cueball/rebalance/subset.hpp>
#include <cueball/static_resolver.hpp>
#include <cueball/tcp_connection.hpp>

#include "support/catch.hpp"

using namespace cueball;
using namespace std::chrono_literals;

namespace {

/// What `function` throws as a std::system_error, in words.
template <class Function>
std::string complaint(errc expected, Function function) {
  try {
    function();
  } catch (const std::system_error& thrown) {
    CHECK(thrown.code() == expected);
    return thrown.what();
  }
  return "nothing was thrown";
}

std::string complaint(const pool_options& options) {
  return complaint(errc::bad_option, [&] { check(options); });
}

}  // namespace

TEST_CASE("a backend is an aggregate that can be written in two ways") {
  const backend first{"127.0.0.1", 9001};
  const backend second{.address = "::1", .port = 3, .weight = 5};
  CHECK(first.key() == "127.0.0.1:9001");
  CHECK(second.key() == "[::1]:3");
  CHECK(second.weight == 5);
}

TEST_CASE("the key of a backend is readable and unique per name, address and port") {
  CHECK(backend{.address = "::1", .port = 80, .name = "db1"}.key() == "db1@[::1]:80");
  CHECK(backend{.address = "/run/db.sock"}.key() == "/run/db.sock");
  std::set<std::string> keys;
  int backends = 0;
  for (const std::string name : {"", "a", "a@", "a%", "a%40", "a@1.1.1.1", "/x", "@"})
    for (const std::string address : {"1.1.1.1", "::1", "::", "/x", "/x:1", "/x%3A1", "fe80::1%eth0", "/@a"})
      for (const std::uint16_t port : {std::uint16_t{0}, std::uint16_t{1}, std::uint16_t{11}}) {
        keys.insert(backend{address, port, name}.key());
        ++backends;
      }
  CHECK(keys.size() == static_cast<std::size_t>(backends));
}

TEST_CASE("weight, priority and attributes are no part of the key") {
  CHECK(backend{.address = "1.1.1.1", .port = 1, .weight = 9, .priority = 2, .attributes = {{"zone", "a"}}}
            .key() == backend{"1.1.1.1", 1}.key());
}

TEST_CASE("a malformed backend is named with what is wrong") {
  CHECK(problem_with({"127.0.0.1", 1}).empty());
  CHECK(problem_with({"fe80::1%eth0", 1}).empty());
  CHECK(problem_with({"/run/db.sock"}).empty());
  CHECK_THAT(problem_with({"", 1}), ct::ContainsSubstring("empty address"));
  CHECK_THAT(problem_with({"localhost", 1}), ct::ContainsSubstring("'localhost'"));
  CHECK_THAT(problem_with({"1.2.3.4.5", 1}), ct::ContainsSubstring("'1.2.3.4.5'"));
  CHECK_THAT(problem_with({"127.0.0.1", 0}), ct::ContainsSubstring("port 0"));
  CHECK_THAT(problem_with({std::string("127.0.0.1\0x", 11), 1}), ct::ContainsSubstring("neither"));
  CHECK_THAT(problem_with({"/" + std::string(200, 'x')}), ct::ContainsSubstring("too long"));
}

TEST_CASE("a static resolver refuses what no pool could use") {
  CHECK_THAT(complaint(errc::bad_backend, [] { static_resolver{std::vector<backend>{}}; }),
             ct::ContainsSubstring("empty"));
  CHECK_THAT(complaint(errc::bad_backend, [] { static_resolver{{"10.0.0.1", 1}, {"nonsense", 1}}; }),
             ct::ContainsSubstring("'nonsense'"));
  CHECK_THAT(complaint(errc::bad_backend, [] { static_resolver{{"10.0.0.1", 1}, {"10.0.0.1", 1}}; }),
             ct::ContainsSubstring("'10.0.0.1:1' is listed twice"));
}

TEST_CASE("the default options are legal") {
  CHECK_NOTHROW(check(pool_options{}));
  CHECK(pool_options{}.claim_timeout == 30s);  // who says nothing does not wait for ever
  CHECK_NOTHROW(check({.claim_timeout = no_limit, .watch_delay = no_limit, .stop_timeout = no_limit}));
}

TEST_CASE("a bad option is refused by name and value") {
  CHECK_THAT(complaint({.max_connections = 0}), ct::ContainsSubstring("pool_options::max_connections is 0"));
  CHECK_THAT(complaint({.max_connections = 2'000'000}), ct::ContainsSubstring("2000000"));
  CHECK_THAT(complaint({.claim_timeout = -1s}), ct::ContainsSubstring("claim_timeout is -1 s"));
  CHECK_THAT(complaint({.claim_timeout = 0s}), ct::ContainsSubstring("claim_timeout is 0 s"));
  CHECK_THAT(complaint({.claim_timeout = 24h * 400}), ct::ContainsSubstring("claim_timeout"));
  CHECK_THAT(complaint({.rebalance_delay = 1us}), ct::ContainsSubstring("rebalance_delay is 1 us"));
  CHECK_THAT(complaint({.rebalance_delay = no_limit}), ct::ContainsSubstring("rebalance_delay is no_limit"));
  CHECK_THAT(complaint({.watch_delay = 0s}), ct::ContainsSubstring("watch_delay"));
  CHECK_THAT(complaint({.max_waiters = 0}), ct::ContainsSubstring("max_waiters is 0"));
  CHECK_THAT(complaint({.target_claim_delay = 0s}), ct::ContainsSubstring("target_claim_delay is 0 s"));
  CHECK_THAT(complaint({.max_churn_rate = 0}), ct::ContainsSubstring("max_churn_rate is 0"));
  CHECK_THAT(complaint({.max_lifetime = 0s}), ct::ContainsSubstring("max_lifetime is 0 s"));
  CHECK_THAT(complaint({.lifetime_spread = 1.5}), ct::ContainsSubstring("lifetime_spread is 1.5"));
  CHECK_THAT(complaint({.max_connecting = {.per_backend = 0}}),
             ct::ContainsSubstring("max_connecting.per_backend"));
  CHECK_THAT(complaint({.max_connecting = {.per_pool = 0}}),
             ct::ContainsSubstring("max_connecting.per_pool"));
  CHECK_THAT(complaint({.recovery = {.usual = {.timeout = 0s}}}), ct::ContainsSubstring("usual.timeout"));
  CHECK_THAT(complaint({.recovery = {.usual = {.delay = 0s}}}), ct::ContainsSubstring("usual.delay"));
  CHECK_THAT(complaint({.recovery = {.usual = {.delay = 2s, .max_delay = 1s}}}),
             ct::ContainsSubstring("usual.max_delay"));
  CHECK_THAT(complaint({.recovery = {.usual = {.spread = 1.5}}}),
             ct::ContainsSubstring("usual.spread is 1.5"));
  CHECK_THAT(complaint({.recovery = {.usual = {.spread = std::numeric_limits<double>::quiet_NaN()}}}),
             ct::ContainsSubstring("usual.spread"));
  CHECK_THAT(complaint({.recovery = {.usual = {.timeout = 30s}}}),
             ct::ContainsSubstring("recovery.usual.max_timeout is 20 s; it must be at least "
                                   "recovery.usual.timeout, 30 s"));
  CHECK_THAT(complaint({.recovery = {.usual = {.retries = 0}}}), ct::ContainsSubstring("usual.retries is 0"));
  CHECK_THAT(complaint({.recovery = {.connect = cueball::operation_recovery{.delay = 0s}}}),
             ct::ContainsSubstring("recovery.connect.delay"));
  CHECK_THAT(complaint({.recovery = {.initial = cueball::operation_recovery{.spread = -1}}}),
             ct::ContainsSubstring("recovery.initial.spread"));
  CHECK_THAT(complaint({.recovery = {.dns = cueball::operation_recovery{.max_delay = 1ms}}}),
             ct::ContainsSubstring("recovery.dns.max_delay"));
  CHECK_THAT(complaint({.recovery = {.stable_after = 0s}}), ct::ContainsSubstring("stable_after"));
  CHECK_THAT(complaint({.stop_timeout = -1ns}), ct::ContainsSubstring("stop_timeout"));
}

TEST_CASE("errors have sentences, one category called cueball, and no value that throws") {
  const error_code error = errc::claim_timeout;
  const std::error_code as_std = errc::claim_timeout;
  CHECK(error == errc::claim_timeout);
  CHECK(as_std == errc::claim_timeout);
  CHECK(std::error_code{error} == as_std);
  CHECK(std::string{error.category().name()} == "cueball");
  CHECK(std::string{as_std.category().name()} == "cueball");
  CHECK(as_std.message() == error.message());
  CHECK_FALSE(category().message(0).empty());
  CHECK_FALSE(category().message(-7).empty());
  CHECK_FALSE(category().message(1'000'000).empty());
  std::set<std::string> messages;
  for (int value = 1; value <= static_cast<int>(errc::forked); ++value)
    messages.insert(category().message(value));
  CHECK(messages.size() == static_cast<std::size_t>(errc::forked));
}

TEST_CASE("times that would overflow never come") {
  const time_point now{1s};
  CHECK(after(now, no_limit) == never_comes);
  CHECK(after(never_comes - 1s, 2s) == never_comes);
  CHECK(after(now, 1s) == time_point{2s});
  const auto clock = [now] { return now; };
  CHECK(deadline{no_limit}.resolve(clock) == never_comes);
  CHECK(deadline{never_comes}.resolve(clock) == never_comes);
  CHECK(deadline{3s}.resolve(clock) == time_point{4s});
  CHECK(deadline{-3s}.resolve(clock) == time_point{-2s});
  CHECK(deadline{std::chrono::hours::max()}.resolve(clock) == never_comes);
  CHECK(deadline{std::chrono::hours::min()}.resolve(clock) == now);
  CHECK(deadline{std::chrono::duration<double>{1e300}}.resolve(clock) == never_comes);
}

TEST_CASE("a pool refuses a policy with a bad value, by name and value") {
  const auto of_place = [](rebalance::fleet_place place) {
    return complaint(errc::bad_option, [&] {
      const pool<tcp_connection, rebalance::subset> all{
          static_resolver{{"127.0.0.1", 1}}, {.max_connections = 1}, rebalance::subset{.place = place}};
    });
  };
  CHECK_THAT(of_place({.index = 5, .size = 5}),
             ct::StartsWith("rebalance::subset::place.index is 5; it must be below place.size, 5"));
  CHECK_THAT(of_place({.index = 0, .size = 0}),
             ct::StartsWith("rebalance::subset::place.size is 0; it must be 1 or more"));
  CHECK(of_place({.index = 4, .size = 5}) == "nothing was thrown");

  const auto of_schedule = [](const decoherence::adaptive& schedule) {
    return complaint(errc::bad_option, [&] {
      const pool<tcp_connection, decoherence::adaptive> all{
          static_resolver{{"127.0.0.1", 1}}, {.max_connections = 1}, schedule};
    });
  };
  CHECK_THAT(of_schedule({.high = 1.0}),
             ct::StartsWith("decoherence::adaptive::high is 1.000000; it must be above 0 and below 1"));
  CHECK_THAT(of_schedule({.high = 0.5, .low = 0.75}),
             ct::StartsWith("decoherence::adaptive::low is 0.750000; it must be at most high, 0.500000"));
  CHECK_THAT(of_schedule({.least_pause = 2s, .most_pause = 1s}),
             ct::StartsWith("decoherence::adaptive::most_pause is 1 s; it must be at least least_pause, "
                            "2 s"));
  CHECK(of_schedule({}) == "nothing was thrown");
}
