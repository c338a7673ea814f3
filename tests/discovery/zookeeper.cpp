// SPDX-License-Identifier: BSL-1.0
/// \file
/// zookeeper_resolver, against a real ensemble.
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <cueball/observer/counting.hpp>
#include <cueball/pool.hpp>
#include <cueball/tcp_connection.hpp>
#include <cueball/zookeeper_resolver.hpp>

#include <support/catch.hpp>
#include <support/claiming.hpp>
#include <support/descriptors.hpp>
#include <support/echo_server.hpp>
#include <support/eventually.hpp>
#include <support/recorder.hpp>
#include <support/relay.hpp>

#include "zookeeper_ensemble.hpp"

using namespace cueball;
using namespace std::chrono_literals;
using support::eventually;
using support::fresh_path;
using support::shared_ensemble;
using running = support::background_run<zookeeper_resolver&>;
using keys = std::set<std::string>;
using life = support::zookeeper_writer::life;

namespace {

const support::skip_unless with_server{support::zookeeper_ensemble::is_there(), "ZooKeeper"};

zookeeper_options options_of(const std::string& path) {
  return {.servers = shared_ensemble().servers(),
          .path = path,
          .session_timeout = 1s,
          .delay = 10ms,
          .max_delay = 200ms,
          .reread_delay = 50ms};
}

zookeeper_options primary_of(const std::string& path) {
  auto options = options_of(path);
  options.mode = zookeeper_mode::primary;
  return options;
}

std::string state_with(const std::string& address, int port) {
  return R"({"generation": 1, "primary": {"id": "x", "ip": ")" + address + R"(", "pgUrl": "tcp://postgres@)" +
         address + ':' + std::to_string(port) + R"(/postgres"}})";
}

std::string text_of(const support::echo_server& server) {
  return "127.0.0.1:" + std::to_string(server.port());
}

/// A busy machine may be late by so much.
constexpr auto slack = 2s;

/// An attempt that began too early is given up after two thirds of the session's time-out. The next server
/// may not serve yet, either.
duration at_most(const zookeeper_options& options) {
  return options.session_timeout * 2 / 3 + options.max_delay * 3 / 2 * 2;
}

}  // namespace

TEST_CASE("the children of a node are the backends, and come and go with it") {
  support::zookeeper_writer writer{shared_ensemble().servers()};
  const auto path = fresh_path();
  zookeeper_resolver resolver{options_of(path)};
  running now{resolver};
  REQUIRE(eventually([&] { return now.told().heard(path, "does not exist"); }));
  CHECK(now.told().events().empty());

  writer.create(path, "");
  writer.create(path + "/a", "10.0.0.1:80");
  REQUIRE(eventually([&] { return now.told().keys() == keys{"10.0.0.1:80"}; }));
  writer.create(path + "/b", R"({"host": "10.0.0.2", "port": 80, "weight": 3})", life::ephemeral);
  REQUIRE(eventually([&] { return now.told().keys() == keys{"10.0.0.1:80", "10.0.0.2:80"}; }));
  writer.set(path + "/b", R"({"host": "10.0.0.2", "port": 80, "weight": 5})");
  REQUIRE(eventually([&] { return now.told().known().at("10.0.0.2:80").weight == 5; }));
  writer.set(path + "/a", "[::1]:80");
  REQUIRE(eventually([&] { return now.told().keys() == keys{"[::1]:80", "10.0.0.2:80"}; }));
  writer.hang_up();
  REQUIRE(eventually([&] { return now.told().keys() == keys{"[::1]:80"}; }));

  const std::vector<std::string> expected{"+10.0.0.1:80", "done",         "+10.0.0.2:80", "~10.0.0.2:80",
                                          "+[::1]:80",    "-10.0.0.1:80", "-10.0.0.2:80"};
  CHECK(now.told().events() == expected);
  const auto end = now.stop();
  CHECK(end.error == boost::asio::error::operation_aborted);
  CHECK(end.after < 100ms);
}

TEST_CASE("a child that is no backend, or may not be read, takes no other with it") {
  support::zookeeper_writer writer{shared_ensemble().servers()};
  const auto path = fresh_path();
  writer.create(path, "");
  writer.create(path + "/a", "10.0.0.1:80");
  writer.create(path + "/b", "db.example:80");
  writer.create(path + "/c", "{");
  writer.create(path + "/d", "");
  writer.create(path + "/e",
                R"({"serviceEndpoint": {"host": "10.0.0.5", "port": 80}, "status": "STARTING"})");
  writer.create(path + "/f", "10.0.0.6:80");
  writer.forbid(path + "/f");
  zookeeper_resolver resolver{options_of(path)};
  running now{resolver};
  REQUIRE(eventually([&] { return now.told().keys() == keys{"10.0.0.1:80"}; }));
  CHECK(eventually([&] {
    return now.told().heard(path + "/b", "'db.example'", "no IP address") &&
           now.told().heard(path + "/c", "'{'") && now.told().heard(path + "/d", "has no data") &&
           now.told().heard(path + "/f", "not authenticated");
  }));
  CHECK(!now.told().heard(path + "/e"));

  writer.allow(path + "/f");
  REQUIRE(eventually([&] { return now.told().keys() == keys{"10.0.0.1:80", "10.0.0.6:80"}; }));
  writer.set(path + "/b", "10.0.0.2:80");
  REQUIRE(eventually([&] { return now.told().keys() == keys{"10.0.0.1:80", "10.0.0.2:80", "10.0.0.6:80"}; }));
  writer.set(path + "/a", "nonsense");
  REQUIRE(eventually([&] { return now.told().keys() == keys{"10.0.0.2:80", "10.0.0.6:80"}; }));
}

TEST_CASE("the delays grow while a node cannot be read, though the server answers") {
  support::zookeeper_writer writer{shared_ensemble().servers()};
  const auto path = fresh_path();
  writer.create(path, "");
  writer.forbid(path);
  auto options = options_of(path);
  options.delay = 20ms;
  options.max_delay = 10s;
  zookeeper_resolver resolver{options};
  running now{resolver};
  REQUIRE(eventually([&] { return now.told().failures().size() >= 3; }));
  now.freeze(0ms);  // it has been told
  std::this_thread::sleep_for(500ms);
  // 20, 40, 80, 160, 320 ms, with half of that more or less.
  CHECK(now.told().failures().size() <= 8);
  CHECK(now.told().events().empty());
}

TEST_CASE("the primary is followed, the new one before the old one goes") {
  support::zookeeper_writer writer{shared_ensemble().servers()};
  const auto path = fresh_path();
  writer.create(path, state_with("10.0.0.1", 5432));
  zookeeper_resolver resolver{primary_of(path)};
  running now{resolver};
  REQUIRE(eventually([&] { return now.told().keys() == keys{"10.0.0.1:5432"}; }));
  writer.set(path, state_with("10.0.0.2", 5432));
  REQUIRE(eventually([&] { return now.told().keys() == keys{"10.0.0.2:5432"}; }));
  // The same again, and other news of the shard, are no news.
  writer.set(path, state_with("10.0.0.2", 5432));
  writer.set(path, state_with("10.0.0.3", 5433));
  REQUIRE(eventually([&] { return now.told().keys() == keys{"10.0.0.3:5433"}; }));
  const std::vector<std::string> expected{"+10.0.0.1:5432", "done",           "+10.0.0.2:5432",
                                          "-10.0.0.1:5432", "+10.0.0.3:5433", "-10.0.0.2:5432"};
  CHECK(now.told().events() == expected);
  CHECK(now.told().failures().empty());
}

TEST_CASE("without a primary the last one is kept, whatever the reason") {
  support::zookeeper_writer writer{shared_ensemble().servers()};
  const auto path = fresh_path();
  writer.create(path, state_with("10.0.0.1", 5432));
  zookeeper_resolver resolver{primary_of(path)};
  running now{resolver};
  REQUIRE(eventually([&] { return now.told().keys() == keys{"10.0.0.1:5432"}; }));
  writer.set(path, R"({"primary": null})");
  REQUIRE(eventually([&] { return now.told().heard(path, "names no primary", "kept"); }));
  writer.set(path, "[1, 2");
  REQUIRE(eventually([&] { return now.told().heard(path, "'[1, 2'"); }));
  writer.set(path, "");
  REQUIRE(eventually([&] { return now.told().heard(path, "has no data"); }));
  writer.set(path, state_with("db.example", 5432));
  REQUIRE(eventually([&] { return now.told().heard(path, "'db.example'"); }));
  writer.remove(path);
  REQUIRE(eventually([&] { return now.told().heard(path, "does not exist"); }));
  CHECK(now.told().keys() == keys{"10.0.0.1:5432"});
  writer.create(path, state_with("10.0.0.2", 5432));
  REQUIRE(eventually([&] { return now.told().keys() == keys{"10.0.0.2:5432"}; }));
}

TEST_CASE("with patience for three empty answers, the third one is obeyed, and nobody need write for that") {
  support::zookeeper_writer writer{shared_ensemble().servers()};
  const auto path = fresh_path();
  writer.create(path, state_with("10.0.0.1", 5432));
  auto options = primary_of(path);
  options.patience = {.missing = 1, .empty = 3};
  zookeeper_resolver resolver{options};
  running now{resolver};
  REQUIRE(eventually([&] { return now.told().keys() == keys{"10.0.0.1:5432"}; }));
  writer.remove(path);
  REQUIRE(eventually([&] { return now.told().keys().empty(); }));
  CHECK(now.told().failures().size() == 2);
}

TEST_CASE("with patience for what is missing, a member that comes back was never away") {
  support::zookeeper_writer writer{shared_ensemble().servers()};
  const auto path = fresh_path();
  writer.create(path, "");
  writer.create(path + "/a", "10.0.0.1:80");
  writer.create(path + "/b", "10.0.0.2:80");
  auto options = options_of(path);
  options.patience = {.missing = 3, .empty = 0};
  zookeeper_resolver resolver{options};
  running now{resolver};
  REQUIRE(eventually([&] { return now.told().keys().size() == 2; }));
  writer.remove(path + "/b");
  REQUIRE(eventually([&] { return now.told().keys() == keys{"10.0.0.1:80"}; }));
}

TEST_CASE("a child that may not be read any more when a run begins is kept from the run before") {
  support::zookeeper_writer writer{shared_ensemble().servers()};
  const auto path = fresh_path();
  writer.create(path, "");
  writer.create(path + "/a", "10.0.0.1:80");
  writer.create(path + "/b", "10.0.0.2:80");
  writer.create(path + "/c", "10.0.0.3:80");
  zookeeper_resolver resolver{options_of(path)};
  {
    running first{resolver};
    REQUIRE(
        eventually([&] { return first.told().keys() == keys{"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"}; }));
  }
  writer.forbid(path + "/b");
  writer.remove(path + "/c");
  running second{resolver};
  REQUIRE(eventually([&] { return second.told().rounds() == 1; }));
  CHECK(second.told().keys() == keys{"10.0.0.1:80", "10.0.0.2:80"});
  CHECK(eventually([&] { return second.told().heard(path + "/b", "not authenticated"); }));
  writer.remove(path + "/b");
  CHECK(eventually([&] { return second.told().keys() == keys{"10.0.0.1:80"}; }));
}

TEST_CASE("a second run of a resolver begins with all") {
  support::zookeeper_writer writer{shared_ensemble().servers()};
  const auto path = fresh_path();
  writer.create(path, state_with("10.0.0.1", 5432));
  zookeeper_resolver resolver{primary_of(path)};
  for (int i = 0; i < 2; ++i) {
    running now{resolver};
    REQUIRE(eventually(
        [&] { return now.told().events() == std::vector<std::string>{"+10.0.0.1:5432", "done"}; }));
  }
}

TEST_CASE(
    "what happened while the session expired is not missed, and what may not be read any more is kept") {
  support::zookeeper_writer writer{shared_ensemble().servers()};
  const auto path = fresh_path();
  writer.create(path, "");
  writer.create(path + "/a", "10.0.0.1:80");
  writer.create(path + "/b", "10.0.0.2:80");
  writer.create(path + "/c", "10.0.0.4:80");
  zookeeper_resolver resolver{options_of(path)};
  running now{resolver};
  REQUIRE(eventually([&] { return now.told().keys().size() == 3; }));
  auto frozen = std::async(std::launch::async, [&] { now.freeze(3s); });
  writer.set(path + "/a", "10.0.0.3:80");
  writer.remove(path + "/b");
  writer.forbid(path + "/c");
  frozen.wait();
  REQUIRE(eventually([&] { return now.told().keys() == keys{"10.0.0.3:80", "10.0.0.4:80"}; }));
  CHECK(now.told().heard("session"));
  CHECK(now.told().heard(path + "/c", "not authenticated"));
}

TEST_CASE("while all servers are frozen the backends stay, and a stop takes no time") {
  support::zookeeper_writer writer{shared_ensemble().servers()};
  const auto path = fresh_path();
  writer.create(path, "");
  writer.create(path + "/a", "10.0.0.1:80");
  zookeeper_resolver resolver{options_of(path)}, other{options_of(path)};
  running now{resolver}, to_be_stopped{other};
  REQUIRE(
      eventually([&] { return now.told().keys().size() == 1 && to_be_stopped.told().keys().size() == 1; }));
  shared_ensemble().freeze();
  CHECK(to_be_stopped.stop().after < 200ms);
  CHECK(eventually([&] { return now.told().failures().size() >= 3; }));
  {
    zookeeper_resolver third{options_of(path)};
    running connecting{third};
    connecting.freeze(0ms);
    CHECK(connecting.stop().after < 200ms);
  }
  shared_ensemble().thaw();
  writer.create(path + "/b", "10.0.0.2:80");
  REQUIRE(eventually([&] { return now.told().keys() == keys{"10.0.0.1:80", "10.0.0.2:80"}; }));
  const std::vector<std::string> expected{"+10.0.0.1:80", "done", "+10.0.0.2:80"};
  CHECK(now.told().events() == expected);
}

TEST_CASE("a pool goes on while the leader of the ensemble is killed") {
  support::echo_server first, second, third;
  support::zookeeper_writer writer{shared_ensemble().servers()};
  const auto path = fresh_path();
  writer.create(path, "");
  writer.create(path + "/first", text_of(first));
  writer.create(path + "/second", text_of(second));

  const auto options = options_of(path);
  constexpr auto rebalance_delay = 10ms;
  pool<tcp_connection, observer::counting> pool{zookeeper_resolver{options},
                                                {.max_connections = 6, .rebalance_delay = rebalance_delay}};
  pool.wait_ready(6, 10s);
  const auto& seen = pool.observer();
  support::claiming load{pool};

  // Without their leader the others hang up, too.
  const auto leader = shared_ensemble().leader();
  shared_ensemble().kill(leader);
  CHECK(eventually([&] { return seen.resolver_failed.value() >= 1; }));
  writer.create(path + "/third", text_of(third));  // waits for a new one
  const auto created = std::chrono::steady_clock::now();
  CHECK(eventually([&] { return third.open() == 2; }));
  CHECK(std::chrono::steady_clock::now() - created < at_most(options) + rebalance_delay + slack);
  CHECK(eventually([&] { return first.open() == 2 && second.open() == 2; }));
  writer.remove(path + "/first");
  CHECK(eventually([&] { return first.open() == 0 && second.open() == 3 && third.open() == 3; }));
  CHECK(first.accepted() == 3);
  shared_ensemble().start(leader);
  CHECK(eventually([&] { return shared_ensemble().is_serving(); }));

  // The same again is no news; what is comes after it.
  writer.set(path + "/third", text_of(third));
  writer.create(path + "/first", text_of(first));
  CHECK(eventually([&] { return first.open() == 2 && second.open() == 2 && third.open() == 2; }));
  const int before = load.count();
  CHECK(eventually([&] { return load.count() > before + 100; }));
  load.stop();
  CHECK(load.failures() == "");
  CHECK(seen.backend_added.value() == 4);
  CHECK(seen.backend_changed.value() == 0);
  CHECK(seen.backend_removed.value() == 1);
  CHECK(seen.backend_dead.value() == 0);
  CHECK(pool.stop(10s) == 0);
}

TEST_CASE("a pool goes on while its session expires, and follows what happened meanwhile") {
  support::echo_server first, second, third;
  support::zookeeper_writer writer{shared_ensemble().servers()};
  const auto path = fresh_path();
  writer.create(path, "");
  writer.create(path + "/first", text_of(first));
  writer.create(path + "/second", text_of(second));

  std::vector<std::unique_ptr<support::relay>> network;
  auto options = options_of(path);
  options.servers.clear();
  for (const auto port : shared_ensemble().ports()) {
    network.push_back(std::make_unique<support::relay>(port));
    options.servers += (options.servers.empty() ? "" : ",") + network.back()->endpoint();
  }
  options.session_timeout = 1300ms;  // by which the ensemble's sessions are told apart
  constexpr auto rebalance_delay = 10ms;
  pool<tcp_connection, observer::counting> pool{zookeeper_resolver{options},
                                                {.max_connections = 6, .rebalance_delay = rebalance_delay}};
  pool.wait_ready(6, 10s);
  const auto& seen = pool.observer();
  REQUIRE(eventually([&] { return first.open() == 3 && second.open() == 3; }));
  const auto sessions = shared_ensemble().sessions_of(1300ms);
  REQUIRE(sessions.size() == 1);
  REQUIRE(shared_ensemble().has_session(*sessions.begin()));

  support::claiming load{pool};
  for (const auto& each : network) each->hold();
  writer.create(path + "/third", text_of(third));
  writer.remove(path + "/first");
  CHECK(eventually([&] { return !shared_ensemble().has_session(*sessions.begin()); }));
  CHECK(eventually([&] { return seen.resolver_failed.value() >= 1; }));
  CHECK(seen.backend_added.value() == 2);
  CHECK(seen.backend_removed.value() == 0);
  CHECK(seen.closed.value() == 0);

  for (const auto& each : network) each->pass();
  const auto passed = std::chrono::steady_clock::now();
  CHECK(eventually([&] { return first.open() == 0 && second.open() == 3 && third.open() == 3; }));
  CHECK(std::chrono::steady_clock::now() - passed < at_most(options) + rebalance_delay + slack);
  const auto now = shared_ensemble().sessions_of(1300ms);
  CHECK(now.size() == 1);
  CHECK(now != sessions);
  const int before = load.count();
  CHECK(eventually([&] { return load.count() > before + 100; }));
  load.stop();
  CHECK(load.failures() == "");
  CHECK(seen.backend_added.value() == 3);
  CHECK(seen.backend_changed.value() == 0);
  CHECK(seen.backend_removed.value() == 1);
  CHECK(seen.backend_dead.value() == 0);
  CHECK(second.accepted() == 3);
  CHECK(pool.stop(10s) == 0);
}

TEST_CASE("no program that is started meanwhile keeps a session open") {
  support::zookeeper_writer writer{shared_ensemble().servers()};
  const auto path = fresh_path();
  writer.create(path, "");
  writer.create(path + "/a", "10.0.0.1:80");
  writer.hang_up();
  zookeeper_resolver resolver{options_of(path)};
  running now{resolver};
  REQUIRE(eventually([&] { return now.told().keys().size() == 1; }));
  support::socket_count all;
  for (const auto port : shared_ensemble().ports()) {
    const auto here = support::sockets_to(port);
    all.all += here.all;
    all.inherited += here.inherited;
  }
  CHECK(all.all == 1);
  CHECK(all.inherited == 0);
}

TEST_CASE("a context that is destroyed with a run in it leaves nothing behind") {
  support::zookeeper_writer writer{shared_ensemble().servers()};
  const auto path = fresh_path();
  writer.create(path, "");
  writer.create(path + "/a", "10.0.0.1:80");
  for (const auto length : {0ms, 2ms, 300ms}) {
    zookeeper_resolver resolver{options_of(path)};
    boost::asio::io_context context;
    const auto told = std::make_shared<support::recorder>();
    resolver.async_run(resolver_sink{told}, boost::asio::bind_executor(context, [](auto) {}));
    context.run_for(length);
  }
}

TEST_CASE("servers are tried in turn, and are called by name where they cannot be reached") {
  support::zookeeper_writer writer{shared_ensemble().servers()};
  const auto path = fresh_path();
  writer.create(path, "");
  writer.create(path + "/a", "10.0.0.1:80");
  const auto nobody = std::to_string(support::free_ports(1).front());
  auto options = options_of(path);
  const auto port = options.servers.substr(options.servers.rfind(':') + 1);
  options.servers = "127.0.0.1:" + nobody + ",[::1]:" + nobody + ",localhost:" + port;
  zookeeper_resolver resolver{options};
  running now{resolver};
  REQUIRE(eventually([&] { return now.told().keys().size() == 1; }));

  options.servers = "127.0.0.1:" + nobody + ",no-such-host.invalid";
  zookeeper_resolver lost{options};
  running in_vain{lost};
  CHECK(eventually([&] {
    return in_vain.told().heard("127.0.0.1:" + nobody, path) && in_vain.told().heard("no-such-host.invalid");
  }));
  CHECK(in_vain.stop().after < 200ms);
}

TEST_CASE("paths below a root, and the root itself") {
  support::zookeeper_writer writer{shared_ensemble().servers()};
  const auto path = fresh_path();
  writer.create(path, "");
  writer.create(path + "/a", "10.0.0.1:80");
  auto options = options_of("/");
  options.servers += path;
  zookeeper_resolver below{options};
  running now{below};
  REQUIRE(eventually([&] { return now.told().keys() == keys{"10.0.0.1:80"}; }));
  writer.create(path + "/b", "10.0.0.2:80");
  REQUIRE(eventually([&] { return now.told().keys().size() == 2; }));

  zookeeper_resolver all{options_of("/")};
  running at_root{all};
  REQUIRE(eventually([&] { return at_root.told().heard("the node " + path + " has no data"); }));
}

TEST_CASE("options that cannot work are refused by name and value") {
  const auto refusal = [](const zookeeper_options& options) -> std::string {
    try {
      zookeeper_resolver{options};
    } catch (const std::system_error& refused) {
      CHECK(refused.code() == errc::bad_option);
      return refused.what();
    }
    return {};
  };
  for (const char* servers :
       {"", ",", "h1,", "h1:0", "h1:x", "h 1:2181", "::1:2181", "h1:2181//x", "h1/x/", "/x"}) {
    INFO(servers);
    CHECK_THAT(refusal({.servers = servers, .path = "/x"}),
               ct::ContainsSubstring("servers") && ct::ContainsSubstring(std::string{"'"} + servers + "'"));
  }
  for (const char* path : {"", "x", "/x/", "//", "/x//y"})
    CHECK_THAT(refusal({.servers = "h1", .path = path}),
               ct::ContainsSubstring("zookeeper_options::path is '"));
  CHECK_THAT(refusal({.servers = "h1", .path = "/x", .session_timeout = 1ms}),
             ct::ContainsSubstring("session_timeout is 1 ms"));
  CHECK_THAT(refusal({.servers = "h1", .path = "/x", .delay = 2s, .max_delay = 1s}),
             ct::ContainsSubstring("max_delay"));
  CHECK_THAT(refusal({.servers = "h1", .path = "/x", .spread = 2}), ct::ContainsSubstring("spread is 2"));
  CHECK_THAT(refusal({.servers = "h1", .path = "/x", .patience = {.missing = 0}}),
             ct::ContainsSubstring("patience.missing"));
  CHECK(refusal({.servers = "h1,h2:2182,[::1]:2181/production/web", .path = "/"}).empty());
}

TEST_CASE("more children than are asked for at once") {
  support::zookeeper_writer writer{shared_ensemble().servers()};
  const auto path = fresh_path();
  writer.create(path, "");
  for (int i = 0; i < 150; ++i)
    writer.create(path + '/' + std::to_string(i), "10.0.0.1:" + std::to_string(1000 + i));
  zookeeper_resolver resolver{options_of(path)};
  running now{resolver};
  REQUIRE(eventually([&] { return now.told().events().size() > 150; }));
  CHECK(now.told().keys().size() == 150);
  CHECK(now.told().events().back() == "done");
}

TEST_CASE("a server that accepts connections and hangs up is not hammered") {
  boost::asio::io_context context;
  boost::asio::ip::tcp::acceptor acceptor{context, {boost::asio::ip::make_address("127.0.0.1"), 0}};
  std::atomic<int> accepted = 0;
  std::function<void()> accept = [&] {
    acceptor.async_accept([&](auto error, auto) {
      if (error) return;
      ++accepted;
      accept();
    });
  };
  accept();
  std::thread server{[&] { context.run(); }};

  auto options = options_of("/x");
  options.servers = "127.0.0.1:" + std::to_string(acceptor.local_endpoint().port());
  options.delay = 20ms;
  options.max_delay = 10s;
  zookeeper_resolver resolver{options};
  {
    running now{resolver};
    CHECK(eventually([&] { return accepted >= 3; }));
    std::this_thread::sleep_for(600ms);
    CHECK(accepted <= 9);
    CHECK(now.told().heard(options.servers, "/x", "connection loss"));
    CHECK(now.stop().after < 200ms);
  }
  context.stop();
  server.join();
}

namespace {

/// Speaks as much of ZooKeeper's protocol as it takes to serve /x with its children a and b; each of the
/// first `losses` connections is lost when b is read.
class forgetful_server {
 public:
  explicit forgetful_server(int losses)
      : acceptor_(context_, {boost::asio::ip::make_address("127.0.0.1"), 0}), losses_(losses) {
    thread_ = std::thread{[this] {
      while (!is_over_) serve(acceptor_.accept());
    }};
  }

  /// After the last of its clients has gone.
  ~forgetful_server() {
    is_over_ = true;
    boost::asio::ip::tcp::socket last{context_};
    boost::system::error_code ignored;
    last.connect(acceptor_.local_endpoint(), ignored);
    last.close(ignored);
    thread_.join();
  }

  std::string text() const { return "127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()); }

 private:
  static std::string number(std::uint64_t value, int bytes = 4) {
    std::string out;
    while (bytes-- > 0) out += static_cast<char>(value >> 8 * bytes);
    return out;
  }
  static std::string text_of(const std::string& bytes) { return number(bytes.size()) + bytes; }
  static std::string stat() { return std::string(68, '\0'); }

  void serve(boost::asio::ip::tcp::socket peer) {
    boost::system::error_code error;
    const auto read = [&] {
      unsigned char size[4] = {};
      boost::asio::read(peer, boost::asio::buffer(size), error);
      std::string frame(error ? 0 : std::size_t{size[2]} << 8 | size[3], '\0');
      if (!error) boost::asio::read(peer, boost::asio::buffer(frame), error);
      return frame;
    };
    const auto write = [&](const std::string& body) {
      boost::asio::write(peer, boost::asio::buffer(text_of(body)), error);
    };
    read();
    write(number(0) + number(10'000) + number(1, 8) + text_of(std::string(16, 'p')) + '\0');
    for (auto request = read(); !error; request = read()) {
      const auto reply_to = request.substr(0, 4) + number(1, 8) + number(0);
      const auto type = request.substr(4, 4);
      if (type == number(8) || type == number(12))
        write(reply_to + number(2) + text_of("a") + text_of("b") + (type == number(12) ? stat() : ""));
      else if (type != number(4))
        write(reply_to);
      else if (request.find("/x/a") != request.npos)
        write(reply_to + text_of("10.0.0.1:80") + stat());
      else if (losses_-- > 0)
        return;
      else
        write(reply_to + text_of("10.0.0.2:80") + stat());
    }
  }

  boost::asio::io_context context_;
  boost::asio::ip::tcp::acceptor acceptor_;
  int losses_;
  std::atomic<bool> is_over_ = false;
  std::thread thread_;
};

}  // namespace

TEST_CASE("when the connection is lost, what was read of a group so far is no answer") {
  const forgetful_server server{3};
  zookeeper_resolver resolver{{.servers = server.text(), .path = "/x", .delay = 10ms, .max_delay = 20ms}};
  running now{resolver};
  CHECK(eventually([&] { return now.told().keys().size() == 2; }));
  const std::vector<std::string> expected{"+10.0.0.1:80", "+10.0.0.2:80", "done"};
  CHECK(now.told().events() == expected);
  CHECK(now.stop().after < 200ms);
}

TEST_CASE("however many children may not be read, the pause before they are read again grows once") {
  support::zookeeper_writer writer{shared_ensemble().servers()};
  const auto path = fresh_path();
  writer.create(path, "");
  writer.create(path + "/a", "10.0.0.1:80");
  constexpr std::size_t hidden = 10;
  for (std::size_t i = 0; i < hidden; ++i) {
    const auto child = path + "/hidden" + std::to_string(i);
    writer.create(child, "10.0.0.2:80");
    writer.forbid(child);
  }
  auto options = options_of(path);
  options.max_delay = 1h;
  zookeeper_resolver resolver{options};
  running now{resolver};
  CHECK(eventually([&] { return now.told().failures().size() >= 4 * hidden; }));
  CHECK(now.told().keys() == keys{"10.0.0.1:80"});
}
