// SPDX-License-Identifier: BSL-1.0
/// \file
/// The shipped policies keep the laws of their axes.

#include <cueball/decoherence/adaptive.hpp>
#include <cueball/decoherence/jittered.hpp>
#include <cueball/decoherence/never.hpp>
#include <cueball/decoherence/periodic.hpp>
#include <cueball/fallback_resolver.hpp>
#include <cueball/laws/check.hpp>
#include <cueball/laws/connection.hpp>
#include <cueball/laws/resolver.hpp>
#include <cueball/manual_resolver.hpp>
#include <cueball/observer/counting.hpp>
#include <cueball/observer/logging.hpp>
#include <cueball/observer/silent.hpp>
#include <cueball/queue/fifo.hpp>
#include <cueball/queue/interleaved.hpp>
#include <cueball/queue/least_loaded.hpp>
#include <cueball/queue/lifo.hpp>
#include <cueball/queue/random.hpp>
#include <cueball/queue/sticky.hpp>
#include <cueball/rebalance/even_spread.hpp>
#include <cueball/rebalance/subset.hpp>
#include <cueball/rebalance/weighted.hpp>
#include <cueball/static_resolver.hpp>
#include <cueball/tcp_connection.hpp>
#include <cueball/threading/lock_free.hpp>
#include <cueball/threading/multi_threaded.hpp>
#include <cueball/threading/single_threaded.hpp>

#include <support/catch.hpp>

namespace laws = cueball::laws;

TEST_CASE("the shipped queues are lawful", "[queues]") {
  CHECK_NOTHROW(laws::check<cueball::queue::fifo>());
  CHECK_NOTHROW(laws::check<cueball::queue::interleaved>());
  CHECK_NOTHROW(laws::check<cueball::queue::least_loaded>());
  CHECK_NOTHROW(laws::check<cueball::queue::lifo>());
  CHECK_NOTHROW(laws::check<cueball::queue::random>());
  CHECK_NOTHROW(laws::check<cueball::queue::sticky>());
}

TEST_CASE("the shipped rebalance strategies are lawful", "[plans]") {
  CHECK_NOTHROW(laws::check<cueball::rebalance::even_spread>());
  CHECK_NOTHROW(laws::check<cueball::rebalance::weighted>());
  CHECK_NOTHROW(laws::check<cueball::rebalance::subset>());
  const cueball::rebalance::fleet_place third{.index = 2, .size = 7};
  CHECK_NOTHROW(laws::check(cueball::rebalance::subset{.place = third}));
}

TEST_CASE("the shipped decoherence schedules are lawful", "[schedules]") {
  using namespace std::chrono_literals;
  CHECK_NOTHROW(laws::check<cueball::decoherence::never>());
  CHECK_NOTHROW(laws::check<cueball::decoherence::periodic>());
  CHECK_NOTHROW(laws::check(cueball::decoherence::periodic{1ms}));
  CHECK_NOTHROW(laws::check<cueball::decoherence::jittered>());
  CHECK_NOTHROW(laws::check(cueball::decoherence::jittered{1s, 0.9}));
  CHECK_NOTHROW(laws::check<cueball::decoherence::adaptive>());
  CHECK_NOTHROW(laws::check(cueball::decoherence::adaptive{.interval = 1ms, .least_pause = 0ms}));
}

TEST_CASE("the shipped threading models are lawful", "[threading]") {
  CHECK_NOTHROW(laws::check<cueball::threading::single_threaded>());
  CHECK_NOTHROW(laws::check<cueball::threading::multi_threaded>());
  CHECK_NOTHROW(laws::check<cueball::threading::lock_free>());
}

TEST_CASE("the shipped observers are lawful", "[observers]") {
  CHECK_NOTHROW(laws::check<cueball::observer::silent>());
  CHECK_NOTHROW(laws::check<cueball::observer::counting>());
  CHECK_NOTHROW(laws::check(
      cueball::observer::logging{[](cueball::observer::severity, std::string_view line) { (void)line; }}));
}

TEST_CASE("tcp_connection is a lawful connection", "[connections]") {
  namespace asio = boost::asio;
  asio::io_context context;
  // A port that listens is up; a port that was just given back is down.
  const asio::ip::tcp::acceptor server{context, {asio::ip::make_address("127.0.0.1"), 0}};
  const auto down =
      asio::ip::tcp::acceptor{context, {asio::ip::make_address("127.0.0.1"), 0}}.local_endpoint().port();
  CHECK_NOTHROW(laws::check_connection<cueball::tcp_connection>(
      cueball::backend{"127.0.0.1", server.local_endpoint().port()}, cueball::backend{"127.0.0.1", down}));
}

namespace {

/// Can be asked, and made as new.
struct asked : cueball::laws::memory_connection {
  using memory_connection::memory_connection;

  template <class Token>
  auto async_check(Token&& token) {
    return async_connect(std::forward<Token>(token));
  }
  template <class Token>
  auto async_reset(Token&& token) {
    return async_connect(std::forward<Token>(token));
  }
};

/// Answers before it was asked.
struct hasty : asked {
  using asked::asked;

  template <class Token>
  auto async_check(Token&& token) {
    return boost::asio::async_initiate<Token, void(cueball::error_code)>(
        [](auto handler) { std::move(handler)(cueball::error_code{}); }, token);
  }
};

}  // namespace

TEST_CASE("checks and resets of a connection are looked at as well", "[connections]") {
  CHECK_NOTHROW(laws::check_connection<asked>(cueball::backend{"10.0.0.1", 1}));
  CHECK_THROWS_AS(laws::check_connection<hasty>(cueball::backend{"10.0.0.1", 1}), laws::law_broken);
}
