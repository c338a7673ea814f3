// SPDX-License-Identifier: BSL-1.0
/// \file
/// The network that other tests break.
#include <string>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <support/catch.hpp>
#include <support/echo_server.hpp>
#include <support/eventually.hpp>
#include <support/relay.hpp>
#include <support/server_process.hpp>

using support::eventually;
namespace asio = boost::asio;
using tcp = asio::ip::tcp;

namespace {

struct client {
  explicit client(const support::relay& through) {
    socket.connect({asio::ip::address_v4::loopback(), through.port()});
  }

  void say(const std::string& text) { asio::write(socket, asio::buffer(text)); }

  std::string hear(std::size_t size) {
    std::string text(size, '?');
    asio::read(socket, asio::buffer(text));
    return text;
  }

  /// Why nothing came.
  boost::system::error_code end() {
    boost::system::error_code error;
    char one = 0;
    asio::read(socket, asio::buffer(&one, 1), error);
    return error;
  }

  asio::io_context context;
  tcp::socket socket{context};
};

}  // namespace

TEST_CASE("a relay forwards both ways, also more than fits into it, and the end") {
  support::echo_server server;
  support::relay between{server.port()};
  const std::string text(3'000'000, 'x');
  client one{between};
  std::thread sender{[&] { one.say(text); }};
  CHECK(one.hear(text.size()) == text);
  sender.join();
  CHECK(server.open() == 1);
  server.hang_up();
  CHECK(one.end() == asio::error::eof);
  one.socket.close();
  CHECK(eventually([&] { return between.open() == 0; }));
}

TEST_CASE("while a relay holds, nothing gets through, and then all does") {
  support::echo_server server;
  support::relay between{server.port()};
  client one{between};
  one.say("a");
  CHECK(one.hear(1) == "a");
  between.hold();
  one.say("b");
  client other{between};
  other.say("c");
  REQUIRE(eventually([&] { return between.holds_a_request() && between.accepted() == 2; }));
  server.hang_up();
  CHECK(eventually([&] { return server.open() == 0; }));
  CHECK(server.accepted() == 1);
  CHECK(one.socket.available() == 0);
  CHECK(between.open() == 2);
  between.pass();
  CHECK(other.hear(1) == "c");
  CHECK(one.end());
}

TEST_CASE("a relay begins to hold at a request") {
  support::echo_server server;
  support::relay between{server.port()};
  client one{between};
  between.hold_at("two");
  one.say("one");
  CHECK(one.hear(3) == "one");
  CHECK(!between.holds_a_request());
  one.say("a two");
  REQUIRE(eventually([&] { return between.holds_a_request(); }));
  one.say("three");
  between.pass();
  CHECK(one.hear(10) == "a twothree");
}

TEST_CASE("a relay that is cut resets its connections, and new ones, until it passes again") {
  support::echo_server server;
  support::relay between{server.port()};
  client one{between};
  one.say("a");
  CHECK(one.hear(1) == "a");
  between.cut();
  CHECK(between.open() == 0);
  CHECK(one.end() == asio::error::connection_reset);
  CHECK(eventually([&] { return server.open() == 0; }));
  client other{between};
  CHECK(other.end() == asio::error::connection_reset);
  between.pass();
  client third{between};
  third.say("b");
  CHECK(third.hear(1) == "b");
}

TEST_CASE("a relay to nobody resets") {
  support::relay between{support::free_ports(1).front()};
  client one{between};
  CHECK(one.end() == asio::error::connection_reset);
}
