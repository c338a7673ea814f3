// SPDX-License-Identifier: BSL-1.0
/// \file
/// etcd_resolver, against a real etcd, and against servers that are none.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <set>
#include <string>
#include <thread>

#include <boost/asio/read_until.hpp>

#include <cueball/etcd_resolver.hpp>
#include <cueball/observer/counting.hpp>
#include <cueball/pool.hpp>
#include <cueball/tcp_connection.hpp>

#include <support/catch.hpp>
#include <support/claiming.hpp>
#include <support/descriptors.hpp>
#include <support/echo_server.hpp>
#include <support/eventually.hpp>
#include <support/recorder.hpp>
#include <support/relay.hpp>

#include "etcd_server.hpp"

using namespace cueball;
using namespace std::chrono_literals;
using support::eventually;
using running = support::background_run<etcd_resolver&>;
using keys = std::set<std::string>;

namespace {

const support::skip_unless with_server{support::etcd_server::is_there(), "etcd"};

etcd_options options_of(const std::string& endpoints) {
  return {.endpoints = endpoints,
          .prefix = "/web/",
          .timeout = 500ms,
          .idle_limit = 300ms,
          .delay = 10ms,
          .max_delay = 200ms,
          .reread_delay = 50ms};
}

std::string text_of(const support::echo_server& one) {
  return "127.0.0.1:" + std::to_string(one.port());
}

/// A busy machine may be late by so much.
constexpr auto slack = 2s;

/// For all tests of a cluster: starting it takes seconds. Each of them leaves no key in it, and no member
/// away.
support::etcd_cluster& shared_cluster() {
  static support::etcd_cluster three{3};
  return three;
}

/// A pool follows the cluster though the member that it watches is lost.
/// \param within how long the resolver may take to hear of what happened meanwhile
template <class Lose, class Bring_back>
void lose_the_watched_member(etcd_options options, bool is_leader, duration within, const Lose& lose,
                             const Bring_back& bring_back) {
  auto& cluster = shared_cluster();
  support::echo_server first, second, third;
  cluster[0].put("/web/first", text_of(first));
  cluster[0].put("/web/second", text_of(second));
  constexpr auto rebalance_delay = 10ms;
  options.endpoints = cluster.endpoints();
  pool<tcp_connection, observer::counting> pool{etcd_resolver{options},
                                                {.max_connections = 6, .rebalance_delay = rebalance_delay}};
  pool.wait_ready(6, 10s);
  const auto watched = cluster.watched();
  auto &lost = cluster[watched], &other = cluster[(watched + 1) % 3];
  auto& leader = is_leader ? lost : other;
  if (auto& now = cluster.leader(); &now != &leader) now.hand_over_to(leader);
  REQUIRE(eventually([&] { return &cluster.leader() == &leader; }));
  REQUIRE(cluster.watched() == watched);

  support::claiming load{pool};
  const auto id = lost.id();
  lose(lost);
  // Nothing can be put before the others have a leader.
  REQUIRE(eventually([&] {
    const auto now = other.leader();
    return !now.empty() && now != "0" && now != id;
  }));
  other.put("/web/third", text_of(third));
  const auto put = std::chrono::steady_clock::now();
  CHECK(eventually([&] { return third.open() == 2; }));
  CHECK(std::chrono::steady_clock::now() - put < within + rebalance_delay + slack);
  CHECK(eventually([&] { return first.open() == 2 && second.open() == 2; }));
  other.remove("/web/first");
  CHECK(eventually([&] { return first.open() == 0 && second.open() == 3 && third.open() == 3; }));
  bring_back(lost);
  REQUIRE(eventually([&] { return lost.serves(); }));

  const int before = load.count();
  CHECK(eventually([&] { return load.count() > before + 100; }));
  load.stop();
  CHECK(load.failures() == "");
  CHECK(pool.observer().resolver_failed.value() >= 1);
  CHECK(pool.observer().backend_added.value() == 3);
  CHECK(pool.observer().backend_changed.value() == 0);
  CHECK(pool.observer().backend_removed.value() == 1);
  CHECK(pool.observer().backend_dead.value() == 0);
  CHECK(first.accepted() == 3);
  CHECK(pool.stop(10s) == 0);
  other.remove("/web/second");
  other.remove("/web/third");
}

/// Answers each connection with the next of its texts once something was asked, as often as it is asked, and
/// hangs up after the last one.
class impostor {
 public:
  explicit impostor(std::vector<std::vector<std::string>> connections)
      : acceptor_(context_, {boost::asio::ip::make_address("127.0.0.1"), 0}),
        thread_([this, connections = std::move(connections)] { serve(connections); }) {}

  ~impostor() {
    is_over_ = true;
    boost::asio::io_context context;
    boost::asio::ip::tcp::socket last{context};
    boost::system::error_code ignored;
    last.connect(acceptor_.local_endpoint(), ignored);
    thread_.join();
  }

  std::string endpoint() const { return "127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()); }
  int connections() const { return count_; }

 private:
  void serve(const std::vector<std::vector<std::string>>& connections) {
    for (;;) {
      auto peer = acceptor_.accept();
      if (is_over_) return;
      const auto& answers =
          connections[std::min<std::size_t>(static_cast<std::size_t>(count_++), connections.size() - 1)];
      boost::system::error_code error;
      for (const auto& answer : answers) {
        char some[4096];
        peer.read_some(boost::asio::buffer(some), error);
        boost::asio::write(peer, boost::asio::buffer(answer), error);
      }
    }
  }

  boost::asio::io_context context_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::atomic<bool> is_over_ = false;
  std::atomic<int> count_ = 0;
  std::thread thread_;
};

std::string http(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// One key, /web/a, with 10.0.0.1:80, at revision 5.
const std::string good_range = http(
    R"({"header":{"revision":"5"},"kvs":[{"key":"L3dlYi9h","value":"MTAuMC4wLjE6ODA=","mod_revision":"5"}]})");

}  // namespace

TEST_CASE("the keys with a prefix are the backends, and come and go") {
  const support::etcd_server server;
  server.put("/web/a", "10.0.0.1:80");
  server.put("/wec", "10.0.0.9:80");
  etcd_resolver resolver{options_of(server.endpoint())};
  running now{resolver};
  REQUIRE(eventually([&] { return now.told().keys() == keys{"10.0.0.1:80"}; }));
  server.put("/web/b", R"({"host": "10.0.0.2", "port": 80, "weight": 3})", server.grant(1));
  REQUIRE(eventually([&] { return now.told().keys() == keys{"10.0.0.1:80", "10.0.0.2:80"}; }));
  server.put("/web/a", "10.0.0.1:80");
  server.put("/web/c", "db.example:80");
  server.put("/web/d", "{");
  REQUIRE(eventually(
      [&] { return now.told().heard("'/web/c'", "'db.example'") && now.told().heard("'/web/d'", "'{'"); }));
  // The lease expires.
  REQUIRE(eventually([&] { return now.told().keys() == keys{"10.0.0.1:80"}; }));
  server.put("/web/a", "[::1]:80");
  REQUIRE(eventually([&] { return now.told().keys() == keys{"[::1]:80"}; }));
  server.remove("/web/a");
  REQUIRE(eventually([&] { return now.told().heard("'/web/'", "no key", "kept"); }));
  const std::vector<std::string> expected{"+10.0.0.1:80", "done",      "+10.0.0.2:80",
                                          "-10.0.0.2:80", "+[::1]:80", "-10.0.0.1:80"};
  CHECK(now.told().events() == expected);
  const auto end = now.stop();
  CHECK(end.error == boost::asio::error::operation_aborted);
  CHECK(end.after < 100ms);
}

TEST_CASE("what happens while etcd is away, and is compacted, is learnt afterwards; until then all stays") {
  support::etcd_server server;
  server.put("/web/a", "10.0.0.1:80");
  server.put("/web/b", "10.0.0.2:80");
  const auto nobody = std::to_string(support::free_ports(1).front());
  auto options = options_of("http://127.0.0.1:" + nobody + '/' + ",http://" + server.endpoint());
  etcd_resolver resolver{options};
  {
    running now{resolver};
    REQUIRE(eventually([&] { return now.told().keys().size() == 2; }));
    server.kill();
    REQUIRE(eventually(
        [&] { return now.told().heard("127.0.0.1:" + nobody) && now.told().heard(server.endpoint()); }));
    CHECK(now.told().events().size() == 3);
    server.start();
    server.put("/web/c", "10.0.0.3:80");
    server.remove("/web/b");
    server.compact();
    REQUIRE(eventually([&] { return now.told().keys() == keys{"10.0.0.1:80", "10.0.0.3:80"}; }));
    const std::vector<std::string> events = now.told().events();
    CHECK(std::count(events.begin(), events.end(), "+10.0.0.1:80") == 1);

    // Frozen, it says nothing: the limits notice.
    const auto failures = now.told().failures().size();
    server.freeze();
    REQUIRE(eventually([&] { return now.told().failures().size() >= failures + 3; }));
    CHECK(now.told().keys() == keys{"10.0.0.1:80", "10.0.0.3:80"});
    CHECK(now.stop().after < 100ms);
    server.thaw();
  }
  // Another run of the same resolver begins with all.
  running again{resolver};
  REQUIRE(eventually([&] { return again.told().keys() == keys{"10.0.0.1:80", "10.0.0.3:80"}; }));
  CHECK(again.told().events().back() == "done");
}

TEST_CASE("with patience for empty answers and for what is missing, all is read again until it is believed") {
  const support::etcd_server server;
  server.put("/web/a", "10.0.0.1:80");
  server.put("/web/b", "10.0.0.2:80");
  auto options = options_of(server.endpoint());
  options.idle_limit = 30s;
  options.patience = {.missing = 2, .empty = 3};
  etcd_resolver resolver{options};
  running now{resolver};
  REQUIRE(eventually([&] { return now.told().keys().size() == 2; }));
  server.remove("/web/b");
  REQUIRE(eventually([&] { return now.told().keys() == keys{"10.0.0.1:80"}; }));
  server.remove("/web/a");
  REQUIRE(eventually([&] { return now.told().keys().empty(); }));
}

TEST_CASE("a watch that etcd cancels, since what it asks for was compacted, is begun anew with all") {
  const support::etcd_server server;
  server.put("/web/a", "10.0.0.1:80");
  server.put("/web/b", "10.0.0.2:80");
  support::relay between{server.port()};
  between.hold_at("/v3/watch");
  auto options = options_of(between.endpoint());
  options.timeout = options.idle_limit = 30s;
  etcd_resolver resolver{options};
  running now{resolver};
  REQUIRE(eventually([&] { return between.holds_a_request(); }));
  CHECK(now.told().keys() == keys{"10.0.0.1:80", "10.0.0.2:80"});
  server.put("/web/c", "10.0.0.3:80");
  server.remove("/web/a");
  server.put("/web/d", "10.0.0.4:80");
  server.put("/web/e", "10.0.0.5:80");
  server.remove("/web/e");
  server.compact();
  between.pass();
  REQUIRE(eventually([&] { return now.told().keys() == keys{"10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80"}; }));
  // Another connection, and one answer: a watch would have told of each change.
  CHECK(between.accepted() == 2);
  const std::vector<std::string> expected{"+10.0.0.1:80", "+10.0.0.2:80", "done",
                                          "+10.0.0.3:80", "+10.0.0.4:80", "-10.0.0.1:80"};
  CHECK(now.told().events() == expected);
  CHECK(now.told().failures().empty());
  // It watches again.
  server.remove("/web/d");
  REQUIRE(eventually([&] { return now.told().keys() == keys{"10.0.0.2:80", "10.0.0.3:80"}; }));
  CHECK(between.accepted() == 2);
}

TEST_CASE("an etcd whose revisions are older than before, as after a restore, is believed and followed") {
  support::etcd_server server;
  for (int i = 0; i < 20; ++i) server.put("/other", std::to_string(i));
  server.put("/web/a", "10.0.0.1:80");
  server.put("/web/b", "10.0.0.2:80");
  auto options = options_of(server.endpoint());
  options.idle_limit = 30s;  // nothing is read again without need
  etcd_resolver resolver{options};
  running now{resolver};
  REQUIRE(eventually([&] { return now.told().keys() == keys{"10.0.0.1:80", "10.0.0.2:80"}; }));
  server.kill();
  server.forget();
  server.start();
  server.put("/web/a", "10.0.0.1:80");
  REQUIRE(eventually([&] { return now.told().keys() == keys{"10.0.0.1:80"}; }));
  server.put("/web/c", "10.0.0.3:80");
  REQUIRE(eventually([&] { return now.told().keys() == keys{"10.0.0.1:80", "10.0.0.3:80"}; }));
  const std::vector<std::string> expected{"+10.0.0.1:80", "+10.0.0.2:80", "done", "-10.0.0.2:80",
                                          "+10.0.0.3:80"};
  CHECK(now.told().events() == expected);
}

TEST_CASE("a pool follows etcd, and no claim fails though it is restarted") {
  support::echo_server first, second, third;
  support::etcd_server server;
  server.put("/web/first", text_of(first));
  server.put("/web/second", text_of(second));
  pool<tcp_connection, observer::counting> pool{etcd_resolver{options_of(server.endpoint())},
                                                {.max_connections = 6, .rebalance_delay = 10ms}};
  pool.wait_ready(6, 10s);
  const auto& seen = pool.observer();
  support::claiming load{pool};
  server.kill();
  CHECK(eventually([&] { return seen.resolver_failed.value() >= 2; }));
  server.start();
  // It has been read again, and nothing is new.
  REQUIRE(eventually([&] { return server.watchers() == 1; }));
  CHECK(seen.backend_added.value() == 2);
  CHECK(seen.closed.value() == 0);
  server.put("/web/third", text_of(third));
  CHECK(eventually([&] { return first.open() == 2 && second.open() == 2 && third.open() == 2; }));
  server.remove("/web/first");
  CHECK(eventually([&] { return first.open() == 0 && second.open() == 3 && third.open() == 3; }));
  // A registration that nobody keeps alive ends by itself.
  server.put("/web/first", text_of(first), server.grant(1));
  CHECK(eventually([&] { return first.open() == 2; }));
  CHECK(eventually([&] { return first.open() == 0 && second.open() == 3 && third.open() == 3; }));
  const int before = load.count();
  CHECK(eventually([&] { return load.count() > before + 100; }));
  load.stop();
  CHECK(load.failures() == "");
  CHECK(seen.backend_added.value() == 4);
  CHECK(seen.backend_changed.value() == 0);
  CHECK(seen.backend_removed.value() == 2);
  CHECK(seen.backend_dead.value() == 0);
  CHECK(pool.stop(10s) == 0);
}

TEST_CASE("a pool follows etcd while the member that is watched is killed") {
  // The loss is noticed by itself, and the next member is asked after one pause.
  auto options = options_of("");
  options.idle_limit = 30s;
  lose_the_watched_member(
      options, false, options.delay * 3 / 2, [](auto& member) { member.kill(); },
      [](auto& member) { member.start(); });
}

TEST_CASE("a pool follows etcd while the member that is watched is killed and was the leader") {
  // An attempt from before there was a new leader runs into the time-out; the one killed has its turn, too.
  auto options = options_of("");
  options.idle_limit = 30s;
  lose_the_watched_member(
      options, true, options.timeout + options.max_delay * 3, [](auto& member) { member.kill(); },
      [](auto& member) { member.start(); });
}

TEST_CASE("a pool follows etcd while the member that is watched is frozen") {
  const auto options = options_of("");
  lose_the_watched_member(
      options, false, options.idle_limit + options.timeout + options.delay * 3 / 2,
      [](auto& member) { member.freeze(); }, [](auto& member) { member.thaw(); });
}

TEST_CASE("while etcd has no majority a pool keeps what it knows, though the member that it watches runs") {
  auto& cluster = shared_cluster();
  support::echo_server first, second, third;
  cluster[0].put("/web/first", text_of(first));
  cluster[0].put("/web/second", text_of(second));
  pool<tcp_connection, observer::counting> pool{etcd_resolver{options_of(cluster.endpoints())},
                                                {.max_connections = 6, .rebalance_delay = 10ms}};
  pool.wait_ready(6, 10s);
  const auto& seen = pool.observer();
  support::claiming load{pool};
  const auto watched = cluster.watched();
  auto &one = cluster[(watched + 1) % 3], &other = cluster[(watched + 2) % 3];
  one.kill();
  other.kill();
  // All three have been asked, and none can read from the whole cluster.
  CHECK(eventually([&] { return seen.resolver_failed.value() >= 3; }));
  CHECK(seen.backend_removed.value() == 0);
  CHECK(seen.closed.value() == 0);
  one.start();
  one.put("/web/third", text_of(third));
  CHECK(eventually([&] { return first.open() == 2 && second.open() == 2 && third.open() == 2; }));
  other.start();
  load.stop();
  CHECK(load.failures() == "");
  CHECK(seen.backend_added.value() == 3);
  CHECK(seen.backend_changed.value() == 0);
  CHECK(seen.backend_removed.value() == 0);
  CHECK(seen.backend_dead.value() == 0);
  CHECK(pool.stop(10s) == 0);
  for (const char* each : {"first", "second", "third"}) cluster[0].remove(std::string{"/web/"} + each);
}

TEST_CASE("a member that takes no connection is given up in time for the next one") {
  const support::etcd_server server;
  server.put("/web/a", "10.0.0.1:80");
  // Whoever connects while the line is full is not answered.
  boost::asio::io_context context;
  boost::asio::ip::tcp::acceptor full{context};
  full.open(boost::asio::ip::tcp::v4());
  full.bind({boost::asio::ip::address_v4::loopback(), 0});
  full.listen(0);
  boost::asio::ip::tcp::socket only{context};
  only.connect(full.local_endpoint());
  const auto silent = "127.0.0.1:" + std::to_string(full.local_endpoint().port());
  etcd_resolver resolver{options_of(silent + ',' + server.endpoint())};
  running now{resolver};
  CHECK(eventually([&] { return now.told().keys() == keys{"10.0.0.1:80"}; }));
  server.freeze();  // so that it is the other one's turn
  CHECK(eventually([&] { return now.told().heard(silent); }));
  server.thaw();
  server.put("/web/b", "10.0.0.2:80");
  CHECK(eventually([&] { return now.told().keys() == keys{"10.0.0.1:80", "10.0.0.2:80"}; }));
  CHECK(now.stop().after < 100ms);
}

TEST_CASE("nonsense of a server changes nothing, is told, and is not asked for as fast as can be") {
  const std::string stream = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const impostor server{{
      {"nonsense\r\n\r\n"},
      {http("[]")},
      {http("{")},
      {http(R"({"header":{"revision":"x"}})")},
      {http(R"({"header":{"revision":"5"},"kvs":[{"key":"?","value":""}]})")},
      {"HTTP/1.1 503 Away\r\nContent-Length: 4\r\n\r\ngone"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"},
      {good_range, stream + "3\r\n{}\n\r\n"},
      {good_range, stream + "2\r\n{\n\r\n"},
      {good_range, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"},
      {good_range, stream + "0\r\n\r\n"},
  }};
  auto options = options_of(server.endpoint());
  options.timeout = 200ms;
  etcd_resolver resolver{options};
  running now{resolver};
  CHECK(eventually([&] { return server.connections() > 10; }));
  const std::vector<std::string> expected{"+10.0.0.1:80", "done"};
  CHECK(eventually([&] { return now.told().events() == expected; }));
  CHECK(now.told().heard(server.endpoint(), "no object", "'[]'"));
  CHECK(now.told().heard("HTTP 503", "'gone'"));
  CHECK(now.told().heard("\"revision\" is no number"));
  CHECK(now.told().heard("no base64"));
  CHECK(now.told().heard("body limit"));
  CHECK(now.told().heard("no \"result\""));
  CHECK(now.told().heard("HTTP 404"));
  // At most one each 100 ms, by now.
  const int before = server.connections();
  std::this_thread::sleep_for(500ms);
  CHECK(server.connections() - before <= 6);
}

TEST_CASE("no program that is started meanwhile keeps a watch of etcd's open") {
  const support::etcd_server server;
  server.put("/web/a", "10.0.0.1:80");
  for (const auto& endpoint : {server.endpoint(), "localhost:" + std::to_string(server.port())}) {
    auto options = options_of(endpoint);
    options.idle_limit = 30s;
    etcd_resolver resolver{options};
    running now{resolver};
    REQUIRE(eventually([&] { return now.told().keys().size() == 1; }));
    const auto sockets = support::sockets_to(server.port());
    CHECK(sockets.all == 1);
    CHECK(sockets.inherited == 0);
  }
}

TEST_CASE("a context that is destroyed with a run of etcd's in it leaves nothing behind") {
  const support::etcd_server server;
  server.put("/web/a", "10.0.0.1:80");
  for (const auto length : {0ms, 2ms, 200ms}) {
    etcd_resolver resolver{options_of(server.endpoint())};
    boost::asio::io_context context;
    const auto told = std::make_shared<support::recorder>();
    resolver.async_run(resolver_sink{told}, boost::asio::bind_executor(context, [](auto) {}));
    context.run_for(length);
  }
}

TEST_CASE("etcd's options that cannot work are refused by name and value") {
  const auto refusal = [](const etcd_options& options) -> std::string {
    try {
      etcd_resolver{options};
    } catch (const std::system_error& refused) {
      CHECK(refused.code() == errc::bad_option);
      return refused.what();
    }
    return {};
  };
  for (const char* endpoints :
       {"", ",", "h1,", "h1:0", "https://h1:2379", "http://", "http://h1:2379/x", "a@h1:2379"}) {
    INFO(endpoints);
    CHECK_THAT(refusal({.endpoints = endpoints, .prefix = "/x/"}),
               ct::ContainsSubstring("endpoints is '" + std::string{endpoints} + "'"));
  }
  CHECK_THAT(refusal({.endpoints = "h1", .prefix = ""}), ct::ContainsSubstring("etcd_options::prefix"));
  CHECK_THAT(refusal({.endpoints = "h1", .prefix = "/x/", .idle_limit = 1ms}),
             ct::ContainsSubstring("idle_limit is 1 ms"));
  CHECK(refusal({.endpoints = "http://h1:2379,[::1],h3", .prefix = "/x/"}).empty());
}

TEST_CASE("a watch that announces more than anybody has room for is refused, and the run goes on") {
  const impostor server{{{good_range, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000000000\r\n\r\n{}\n"}}};
  etcd_resolver resolver{options_of(server.endpoint())};
  running now{resolver};
  CHECK(eventually([&] { return server.connections() >= 3; }));
  CHECK(now.told().heard(server.endpoint(), "too long"));
  CHECK(now.stop().error == boost::asio::error::operation_aborted);
}
