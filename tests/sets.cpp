// SPDX-License-Identifier: BSL-1.0
/// \file
/// Connection sets: what is added and removed, and when, against real servers and scripted ones.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <cueball/connection_set.hpp>
#include <cueball/decoherence/never.hpp>
#include <cueball/manual_resolver.hpp>
#include <cueball/static_resolver.hpp>
#include <cueball/tcp_connection.hpp>
#include <cueball/threading/lock_free.hpp>
#include <cueball/threading/single_threaded.hpp>

#include "support/catch.hpp"
#include "support/echo_server.hpp"
#include "support/eventually.hpp"
#include "support/scripted_connection.hpp"

namespace asio = boost::asio;
using namespace cueball;
using namespace std::chrono_literals;
using support::echo_server;
using support::eventually;

namespace {

using set_type = connection_set<tcp_connection>;

backend at(const echo_server& server) {
  return {"127.0.0.1", server.port()};
}

std::string echo(tcp_connection& connection, const std::string& text) {
  asio::write(connection.socket(), asio::buffer(text));
  std::string answer(text.size(), '?');
  asio::read(connection.socket(), asio::buffer(answer));
  return answer;
}

constexpr connection_set_options quick{.target = 4,
                                       .rebalance_delay = std::chrono::milliseconds{1},
                                       .recovery = {.usual = {.delay = std::chrono::milliseconds{1}}}};

}  // namespace

TEST_CASE("each backend has one member, through which requests are answered") {
  echo_server first, second;
  set_type backends{static_resolver{at(first), at(second)}, quick};
  const auto one = backends.next(10s), other = backends.next(10s);
  REQUIRE(one.is_added());
  REQUIRE(other.is_added());
  CHECK(one.where->key() != other.where->key());
  CHECK(echo(*one.member, "hello") == "hello");
  CHECK(echo(*other.member, "hello") == "hello");
  CHECK(backends.members().size() == 2);
  CHECK_FALSE(backends.try_next());
  CHECK(first.accepted() == 1);
  CHECK(second.accepted() == 1);
}
