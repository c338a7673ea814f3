// SPDX-License-Identifier: BSL-1.0
/// \file
/// Resolvers from strings, and what is said of bad ones.
#include <set>
#include <string>
#include <utility>

#include <cueball/resolver_for.hpp>

#include <support/catch.hpp>
#include <support/eventually.hpp>
#include <support/recorder.hpp>

using namespace cueball;
using support::eventually;
using keys = std::set<std::string>;

namespace {

/// What it finds at first.
keys found(const std::string& address, resolver_defaults defaults = {}) {
  auto resolver = resolver_for(address, defaults);
  support::background_run running{resolver};
  REQUIRE(eventually(
      [&] { return !running.told().events().empty() && running.told().events().back() == "done"; }));
  return running.told().keys();
}

/// Why it is refused.
std::string problem(const std::string& address, resolver_defaults defaults = {}) {
  try {
    resolver_for(address, defaults);
  } catch (const std::system_error& refused) {
    return refused.what();
  }
  return "nothing";
}

}  // namespace

TEST_CASE("a list of addresses is what it says") {
  CHECK(found("10.0.0.1:5432") == keys{"10.0.0.1:5432"});
  CHECK(found(" 10.0.0.1:5432 , 10.0.0.2:81 ") == keys{"10.0.0.1:5432", "10.0.0.2:81"});
  CHECK(found("[::1]:80,10.0.0.1:80") == keys{"[::1]:80", "10.0.0.1:80"});
  CHECK(found("/run/db.sock") == keys{"/run/db.sock"});
  CHECK(found("/run/tcp://db.sock") == keys{"/run/tcp%3A//db.sock"});
  CHECK(found("10.0.0.1:80,/run/dns://a | 10.0.0.2:80") == keys{"10.0.0.1:80", "/run/dns%3A//a"});
  CHECK(found("10.0.0.1,[::1],::2,10.0.0.2:81", {.port = 90}) ==
        keys{"10.0.0.1:90", "[::1]:90", "[::2]:90", "10.0.0.2:81"});
}

TEST_CASE("what comes behind a bar is what is left when all before it is down") {
#ifdef CUEBALL_WITH_ETCD
  CHECK(found("etcd://127.0.0.1:1/web/ | 10.0.0.1:80") == keys{"10.0.0.1:80"});
#endif
#ifdef CUEBALL_WITH_DNS
  CHECK(found("dns://db.test:5432?nameservers=127.0.0.1:1 | 10.0.0.2:80") == keys{"10.0.0.2:80"});
#endif
  CHECK(found("10.0.0.1:80|10.0.0.2:80") == keys{"10.0.0.1:80"});
}

TEST_CASE("what is wrong is named") {
  using std::pair;
  for (const auto& [address, part, what] : {
           std::tuple{"", "''", "is no address"},
           std::tuple{"10.0.0.1:80|", "''", "is no address"},
           std::tuple{"10.0.0.1", "'10.0.0.1'", "has no port"},
           std::tuple{"10.0.0.1:80,10.0.0.2", "'10.0.0.2'", "has no port"},
           std::tuple{"10.0.0.1:80,", "''", "a comma too many"},
           std::tuple{"10.0.0.1:65536", "'10.0.0.1:65536'", "'65536'"},
           std::tuple{"10.0.0.1:", "'10.0.0.1:'", "has the port ''"},
           std::tuple{"[::1:80", "'[::1:80'", "without a ']'"},
           std::tuple{"[::1]80", "'[::1]80'", "goes on behind its ']'"},
           std::tuple{"10.0.0.1:80,db.example.com:80", "'db.example.com:80'", "addresses only"},
           std::tuple{"10.0.0.1:80,10.0.0.1:80", "'10.0.0.1:80'", "listed twice"},
           std::tuple{"consul://h/web", "'consul'", "is no scheme"},
#ifdef CUEBALL_WITH_DNS
           std::tuple{"db.example.com", "'db.example.com'", "has no port"},
           std::tuple{"db..example.com:80", "db..example.com", "empty label"},
           std::tuple{"dns+srv://example.com", "'dns+srv://example.com'", "does not name a service"},
           std::tuple{"dns+srv://_http.example.com", "'dns+srv://_http.example.com'", "a service"},
           std::tuple{"dns://db.test:1?nameserver=1", "'nameserver=1'", "is not understood"},
           std::tuple{"dns://db.test:1?nameservers=x", "'x'", ""},
#else
           std::tuple{"db.example.com:80", "'db.example.com:80'", "needs DNS"},
#endif
#ifdef CUEBALL_WITH_ZOOKEEPER
           std::tuple{"zookeeper://h1,h2", "'zookeeper://h1,h2'", "has no path"},
           std::tuple{"zookeeper:///web", "'zookeeper:///web'", "names no servers"},
           std::tuple{"zookeeper://h1:x/web", "h1:x", ""},
#else
           std::tuple{"zookeeper://h1/web", "'zookeeper://h1/web'", "needs ZooKeeper"},
#endif
#ifdef CUEBALL_WITH_ETCD
           std::tuple{"etcd://h1", "'etcd://h1'", "has no path"},
           std::tuple{"etcd://h1:99999/web/", "h1:99999", ""},
#else
           std::tuple{"etcd://h1/web/", "'etcd://h1/web/'", "needs etcd"},
#endif
       }) {
    CAPTURE(address);
    CHECK_THAT(problem(address), ct::ContainsSubstring(part));
    CHECK_THAT(problem(address), ct::ContainsSubstring(what));
  }
}

TEST_CASE("blanks around commas do no harm, whatever stands between them") {
#ifdef CUEBALL_WITH_DNS
  CHECK(problem("db.test:1?nameservers=10.0.0.1 , 10.0.0.2") == "nothing");
#endif
#ifdef CUEBALL_WITH_ZOOKEEPER
  CHECK(problem("zookeeper://h1:2181 , h2/web") == "nothing");
  CHECK_THAT(problem("zookeeper://h1, /web"), ct::ContainsSubstring("'h1,'"));
#endif
#ifdef CUEBALL_WITH_ETCD
  CHECK(problem("etcd:// h1 , h2:2379/web/") == "nothing");
  CHECK_THAT(problem("etcd://h 1/web/"), ct::ContainsSubstring("'h 1'"));
#endif
}
