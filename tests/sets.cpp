// SPDX-License-Identifier: BSL-1.0
/// \file
/// Connection sets: what is added and removed, and when, against real servers and scripted ones.
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>

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
using support::at;
using support::echo;
using support::echo_server;
using support::eventually;

namespace {

using set_type = connection_set<tcp_connection>;

constexpr connection_set_options quick{.target = 4,
                                       .rebalance_delay = std::chrono::milliseconds{1},
                                       .recovery = {.usual = {.delay = std::chrono::milliseconds{1}}}};

/// Says when it has ended, as one does that reads by itself.
struct session : tcp_connection {
  using tcp_connection::tcp_connection;
  template <class Token>
  auto async_wait_ended(Token&& token) {
    return async_wait_broken(std::forward<Token>(token));
  }
};

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

TEST_CASE("a member that failed its user is removed once and replaced") {
  echo_server server;
  set_type backends{static_resolver{at(server)}, quick};
  auto first = backends.next(10s).member;
  REQUIRE(first);
  REQUIRE(eventually([&] { return server.open() == 1; }));  // it may be connected before it is accepted
  server.hang_up();
  char nothing[1];
  error_code ended;
  asio::read(first->socket(), asio::buffer(nothing), ended);
  REQUIRE(ended);
  first.broken();
  first.broken();
  const auto gone = backends.next(10s);
  CHECK_FALSE(gone.is_added());
  CHECK(gone.reason == close_reason::broken);
  CHECK(gone.member == first);
  first.broken();
  const auto next = backends.next(10s);
  REQUIRE(next.is_added());
  CHECK(echo(*next.member, "again") == "again");
  CHECK_FALSE(backends.try_next());
  CHECK(backends.stats().backends.at(0).counters.broken == 1);
}

TEST_CASE("a backend that is withdrawn: its member is removed, and closed when its user lets it go") {
  echo_server first, second;
  manual_resolver resolver;
  set_type backends{resolver, quick};
  resolver.add(at(first));
  auto mine = backends.next(10s).member;
  resolver.add(at(second));
  const auto other = backends.next(10s);
  REQUIRE(other.is_added());
  resolver.remove(at(first));
  auto gone = backends.next(10s);
  CHECK_FALSE(gone.is_added());
  CHECK(gone.reason == close_reason::unwanted);
  CHECK(gone.where->key() == at(first).key());
  CHECK(echo(*mine, "still here") == "still here");
  CHECK(first.open() == 1);
  gone = {};
  CHECK(first.open() == 1);
  mine = {};
  CHECK(eventually([&] { return first.open() == 0; }));
  CHECK(backends.members().size() == 1);
}

TEST_CASE("a backend that is announced again is added again, though its first member is still in use") {
  echo_server server;
  manual_resolver resolver;
  set_type backends{resolver, quick};
  resolver.add(at(server));
  auto old = backends.next(10s).member;
  resolver.remove(at(server));
  CHECK_FALSE(backends.next(10s).is_added());
  resolver.add(at(server));
  const auto back = backends.next(10s);
  REQUIRE(back.is_added());
  CHECK_FALSE(back.member == old);
  CHECK(echo(*old, "old") == "old");
  CHECK(echo(*back.member, "new") == "new");
  CHECK(server.open() == 2);
  old.release();
  CHECK(eventually([&] { return server.open() == 1; }));
}

TEST_CASE("of more backends a subset is used, and it is kept whole when one of it dies") {
  const auto plan = std::make_shared<support::script>();
  std::vector<backend> all;
  for (std::uint16_t port = 1; port <= 5; ++port) all.push_back(support::at(port));
  connection_set<support::scripted_connection> backends{
      static_resolver{all},
      support::follow(plan),
      {.target = 3,
       .rebalance_delay = 1ms,
       .recovery = {.usual = {.retries = 2, .delay = 1ms, .max_delay = 5s}}}};
  std::map<std::string, set_member<support::scripted_connection>> members;
  for (int i = 0; i < 3; ++i) {
    auto one = backends.next(10s);
    REQUIRE(one.is_added());
    CHECK(members.emplace(one.where->key(), one.member).second);
  }
  auto& victim = members.begin()->second;
  const auto key = victim.backend().key();
  plan->set(victim.backend().port, support::script::mode::refuse);
  victim.broken();
  const auto gone = backends.next(10s);
  CHECK(gone.where->key() == key);
  CHECK_FALSE(gone.is_added());
  members.erase(key);
  const auto instead = backends.next(10s);
  REQUIRE(instead.is_added());
  CHECK(instead.where->key() != key);
  CHECK(members.emplace(instead.where->key(), instead.member).second);
  CHECK(backends.members().size() == 3);
}

TEST_CASE("a set that moves adds before it removes") {
  const auto plan = std::make_shared<support::script>();
  connection_set<support::scripted_connection> backends{
      static_resolver{support::at(1), support::at(2), support::at(3)},
      support::follow(plan),
      {.target = 1, .rebalance_delay = 1ms},
      decoherence::periodic{20ms}};
  auto current = backends.next(10s);
  for (int i = 0; i < 5; ++i) {
    REQUIRE(current.is_added());
    const auto next = backends.next(10s);
    REQUIRE(next.is_added());
    const auto gone = backends.next(10s);
    CHECK_FALSE(gone.is_added());
    CHECK(gone.reason == close_reason::unwanted);
    CHECK(gone.member == current.member);
    CHECK(gone.member->is_open());
    current = next;
  }
}

TEST_CASE("a member past its lifetime is used until another one is there") {
  const auto plan = std::make_shared<support::script>();
  connection_set<support::scripted_connection> backends{
      static_resolver{support::at(1)},
      support::follow(plan),
      {.target = 1, .rebalance_delay = 1ms, .max_lifetime = 50ms}};
  auto current = backends.next(10s);
  for (int i = 0; i < 3; ++i) {
    const auto gone = backends.next(10s);
    CHECK_FALSE(gone.is_added());
    CHECK(gone.reason == close_reason::expired);
    CHECK(gone.member == current.member);
    const auto next = backends.next(0ms);  // it is there
    REQUIRE(next.is_added());
    current = next;
  }
}

TEST_CASE("when all are invalidated, all are removed and replaced") {
  echo_server first, second;
  set_type backends{static_resolver{at(first), at(second)}, quick};
  backends.next(10s);
  backends.next(10s);
  backends.invalidate();
  int added = 0, removed = 0;
  for (int i = 0; i < 4; ++i) {
    const auto what = backends.next(10s);
    ++(what.is_added() ? added : removed);
    if (!what.is_added()) {
      CHECK(what.reason == close_reason::invalidated);
      CHECK_FALSE(what.member);  // nobody had it
    }
  }
  CHECK(added == 2);
  CHECK(removed == 2);
}

TEST_CASE("a member that comes and goes before the user hears of it is not spoken of") {
  echo_server server, other;
  manual_resolver resolver;
  set_type backends{resolver, quick};
  for (int i = 0; i < 20; ++i) {
    resolver.add(at(server));
    REQUIRE(eventually([&] { return server.open() == 1; }));
    resolver.remove(at(server));
    REQUIRE(eventually([&] { return server.open() == 0; }));
  }
  resolver.add(at(other));
  const auto first = backends.next(10s);
  CHECK(first.is_added());
  CHECK(first.where->key() == at(other).key());
}

TEST_CASE("a session that knows its own end is removed without a word of its user") {
  static_assert(ending_connection<session> && !ending_connection<tcp_connection>);
  echo_server server;
  connection_set<session> backends{static_resolver{at(server)}, quick};
  CHECK(backends.next(10s).is_added());
  REQUIRE(eventually([&] { return server.open() == 1; }));  // it may be connected before it is accepted
  server.hang_up();
  const auto gone = backends.next(10s);
  CHECK_FALSE(gone.is_added());
  CHECK(gone.reason == close_reason::broken);
  CHECK(backends.next(10s).is_added());
}

TEST_CASE("when every backend is dead the set fails, and comes back when one does") {
  const auto plan = std::make_shared<support::script>();
  plan->set(1, support::script::mode::refuse);
  connection_set<support::scripted_connection> backends{
      static_resolver{support::at(1)},
      support::follow(plan),
      {.target = 2,
       .rebalance_delay = 1ms,
       .recovery = {.usual = {.retries = 1, .delay = 1ms, .max_delay = 10ms}}}};
  REQUIRE(eventually([&] { return backends.state() == pool_state::failed; }));
  error_code error;
  backends.next(20ms, error);
  CHECK(error == errc::wait_timeout);
  plan->set(1, support::script::mode::accept);
  CHECK(backends.next(10s).is_added());
  CHECK(backends.state() == pool_state::running);
}

TEST_CASE("a stop removes every member, tells so, and waits for them to be let go") {
  echo_server first, second;
  set_type backends{static_resolver{at(first), at(second)}, quick};
  auto one = backends.next(10s);
  backends.next(10s);  // and nobody has it
  backends.request_stop();
  backends.request_stop();
  int removed = 0;
  error_code error;
  for (auto what = backends.next(10s, error); !error; what = backends.next(10s, error)) {
    CHECK_FALSE(what.is_added());
    CHECK(what.reason == close_reason::stopped);
    CHECK(static_cast<bool>(what.member) == (what.where->key() == one.where->key()));
    ++removed;
  }
  CHECK(error == errc::stopped);
  CHECK(removed == 2);
  CHECK(echo(*one.member, "last words") == "last words");
  CHECK(backends.stop(10ms) == 1);
  CHECK_FALSE(one.member->is_open());
  one = {};
  CHECK(backends.stop(10s) == 0);
  CHECK(backends.state() == pool_state::stopped);
}

TEST_CASE("members may outlive their set") {
  echo_server server;
  std::optional<set_type> backends{std::in_place, static_resolver{at(server)}, quick};
  auto mine = backends->next(10s).member;
  backends.reset();
  CHECK(echo(*mine, "hello") == "hello");
  mine.broken();
  mine = {};
  CHECK(eventually([&] { return server.open() == 0; }));
}

TEST_CASE("a set of one thread: everything happens on its executor") {
  echo_server first, second;
  asio::io_context context;
  connection_set<tcp_connection, threading::single_threaded> backends{
      context, static_resolver{at(first), at(second)}, quick};
  std::map<std::string, set_member<tcp_connection>> members;
  int removed = 0;
  error_code last;
  std::function<void()> listen = [&] {
    backends.async_next([&](error_code error, const set_change<tcp_connection>& what) {
      last = error;
      if (error) return;
      if (what.is_added()) {
        members[what.where->key()] = what.member;
      } else {
        members.erase(what.where->key());
        ++removed;
      }
      if (members.size() == 2) {
        for (auto& [key, member] : members) CHECK(echo(*member, key) == key);
        backends.request_stop();
      }
      listen();
    });
  };
  listen();
  context.run_for(10s);
  CHECK(context.stopped());
  CHECK(removed == 2);
  CHECK(members.empty());
  CHECK(last == errc::stopped);
  CHECK(backends.state() == pool_state::stopped);
}

TEST_CASE("a wait for a change can be cancelled; async_stop closes what is held at its deadline") {
  echo_server server;
  asio::io_context context;
  connection_set<tcp_connection, threading::lock_free> backends{context, static_resolver{at(server)}, quick};
  set_member<tcp_connection> mine;
  asio::cancellation_signal signal;
  error_code cancelled;
  std::size_t left = 0;
  backends.async_next([&](error_code, const set_change<tcp_connection>& what) {
    mine = what.member;
    backends.async_next(
        asio::bind_cancellation_slot(signal.slot(), [&](error_code error, const set_change<tcp_connection>&) {
          cancelled = error;
          backends.async_stop(20ms, [&](error_code, std::size_t count) {
            left = count;
            CHECK_FALSE(mine->is_open());
            mine.release();
          });
        }));
    asio::post(context, [&] { signal.emit(asio::cancellation_type::all); });
  });
  context.run_for(10s);
  CHECK(context.stopped());
  CHECK(cancelled == asio::error::operation_aborted);
  CHECK(left == 1);
  CHECK(backends.state() == pool_state::stopped);
}

TEST_CASE("the target may change") {
  const auto plan = std::make_shared<support::script>();
  connection_set<support::scripted_connection> backends{
      static_resolver{support::at(1), support::at(2), support::at(3)},
      support::follow(plan),
      {.target = 2, .rebalance_delay = 1ms}};
  backends.next(10s);
  backends.next(10s);
  backends.set_target(1);
  CHECK_FALSE(backends.next(10s).is_added());
  CHECK(backends.members().size() == 1);
  backends.set_target(2);
  CHECK(backends.next(10s).is_added());
  CHECK_THROWS_AS(backends.set_target(3), std::system_error);
  CHECK_THROWS_AS(backends.set_target(0), std::system_error);
}

TEST_CASE("a bad target is refused by name and value") {
  CHECK_THROWS_WITH((set_type{static_resolver{support::at(1)}, {.target = 0}}),
                    ct::ContainsSubstring("connection_set_options::target is 0"));
}
