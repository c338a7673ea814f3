// SPDX-License-Identifier: BSL-1.0
/// \file
/// The dns_resolver over a nameserver that answers as it is told. Most tests clamp the TTL to a few
/// milliseconds, so that the resolver asks soon again.
#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <cueball/dns_resolver.hpp>

#include "discovery/support/nameserver.hpp"
#include "support/catch.hpp"
#include "support/eventually.hpp"
#include "support/recorder.hpp"

using namespace cueball;
using namespace std::chrono_literals;
using namespace support;
using keys = std::set<std::string>;
using resolving = background_run<dns_resolver>;

namespace {

const std::string service = "_web._tcp.svc.test";

dns_options ask(const std::vector<std::string>& servers) {
  return {.service = "_web._tcp",
          .default_port = 8080,
          .nameservers = servers,
          .min_ttl = 5ms,
          .max_ttl = 20ms,
          .recovery = {.retries = 2, .timeout = 100ms, .max_timeout = 100ms, .delay = 5ms, .max_delay = 20ms},
          .families = dns_families::v4,
          .seed = 1};
}

dns_options ask(const nameserver& server) {
  return ask(std::vector{server.text()});
}

/// Whether all that comes is `name` or of `type`, and at least so many do.
bool only(nameserver& server, const std::string& name, unsigned type, std::size_t count = 3) {
  server.questions();
  std::size_t seen = 0;
  return eventually([&] {
           for (const auto& each : server.questions()) {
             if (each.name != name || each.type != type) return true;
             ++seen;
           }
           return seen >= count;
         }) &&
         seen >= count;
}

bool is_asked_again(const nameserver& server, std::size_t times = 3) {
  const auto before = server.asked();
  return eventually([&] { return server.asked() >= before + times; });
}

std::string last_failure(const resolving& run) {
  const auto all = run.told().failures();
  return all.empty() ? std::string{} : all.back();
}

const zone one_service{{srv(service, "web.test", 80), a("web.test", "10.0.0.1")}};

}  // namespace

TEST_CASE("every address of every target is a backend, with its name, priority and weight") {
  nameserver server{zone{{srv(service, "Web1.test", 80, 1, 1, 5), srv(service, "web2.test", 81, 1, 2, 0),
                          a("web1.test", "10.0.0.1"), a("web1.test", "10.0.0.2"),
                          aaaa("web1.test", "fd00::1"), a("web2.test", "10.0.0.3")}}};
  auto options = ask(server);
  options.families = dns_families::both;
  const resolving run{dns_resolver{"svc.test", options}};
  const keys all{"web1.test@10.0.0.1:80", "web1.test@10.0.0.2:80", "web1.test@[fd00::1]:80",
                 "web2.test@10.0.0.3:81"};
  REQUIRE(eventually([&] { return run.told().rounds() == 1; }));
  CHECK(run.told().keys() == all);
  const auto first = run.told().known().at("web1.test@[fd00::1]:80");
  CHECK((first.name == "web1.test" && first.priority == 1 && first.weight == 5));
  const auto second = run.told().known().at("web2.test@10.0.0.3:81");
  CHECK((second.priority == 2 && second.weight == 0));
}

TEST_CASE("unchanged answers cause no event, and new weights do") {
  nameserver server{one_service};
  resolving run{dns_resolver{"svc.test", ask(server)}};
  REQUIRE(eventually([&] { return run.told().changes() == 1; }));
  REQUIRE(is_asked_again(server, 10));
  CHECK(run.told().changes() == 1);
  server.answer(zone{{srv(service, "web.test", 80, 1, 0, 9), a("web.test", "10.0.0.1")}});
  CHECK(eventually([&] { return run.told().known().at("web.test@10.0.0.1:80").weight == 9; }));
  CHECK(run.told().changes() == 2);
  CHECK(run.told().failures().empty());
  CHECK(run.stop().error == boost::asio::error::operation_aborted);
  server.questions();
  std::this_thread::sleep_for(60ms);
  CHECK(server.questions().empty());
}

TEST_CASE("addresses that come along with the SRV records are not asked for") {
  nameserver server{
      zone{{srv(service, "web1.test", 80), srv(service, "web2.test", 80), a("web2.test", "10.0.0.2")},
           {a("web1.test", "10.0.0.1"), a("evil.test", "10.6.6.6")}}};
  const resolving run{dns_resolver{"svc.test", ask(server)}};
  REQUIRE(eventually([&] { return run.told().rounds() == 1; }));
  CHECK(run.told().keys() == keys{"web1.test@10.0.0.1:80", "web2.test@10.0.0.2:80"});
  for (const auto& each : server.questions()) CHECK(each.name != "web1.test");
}

TEST_CASE("without SRV records the domain itself is asked for, at the default port") {
  nameserver server{zone{{a("svc.test", "10.0.0.1"), aaaa("svc.test", "fd00::1")}}};
  auto options = ask(server);
  options.families = dns_families::both;
  const resolving run{dns_resolver{"svc.test", options}};
  REQUIRE(eventually([&] { return run.told().rounds() == 1; }));
  CHECK(run.told().keys() == keys{"svc.test@10.0.0.1:8080", "svc.test@[fd00::1]:8080"});
  CHECK(run.told().failures().empty());
  // SRV records that appear later are found, and from then on there is no way back.
  server.answer(one_service);
  REQUIRE(eventually([&] { return run.told().keys() == keys{"web.test@10.0.0.1:80"}; }));
  server.answer(zone{{a("svc.test", "10.0.0.1")}});
  REQUIRE(eventually([&] { return run.told().keys().empty(); }));
  CHECK(only(server, service, 33));
  CHECK(run.told().failures().empty());
}

TEST_CASE(
    "without SRV records these are asked for again when the SOA's time is over, and addresses when theirs "
    "is") {
  nameserver server{[](const dns_question& asked) {
    if (asked.type == 33) return dns_answer{.code = nxdomain, .authorities = {soa("test", 5, 1)}};
    return dns_answer{.answers = {a("svc.test", "10.0.0.1", 0)}};
  }};
  auto options = ask(server);
  options.min_ttl = 20ms;
  options.max_ttl = 1h;
  const resolving run{dns_resolver{"svc.test", options}};
  REQUIRE(eventually([&] { return run.told().rounds() == 1; }));
  server.questions();
  const auto begin = std::chrono::steady_clock::now();
  std::size_t addresses = 0;
  REQUIRE(eventually([&] {
    for (const auto& each : server.questions()) {
      if (each.type == 33) return true;
      ++addresses;
    }
    return false;
  }));
  const auto took = std::chrono::steady_clock::now() - begin;
  CHECK(took > 900ms);
  CHECK(took < 1900ms);
  CHECK(addresses > 3);
  CHECK(addresses < 60);
}

TEST_CASE("a default port of 0 is no backend") {
  nameserver server{zone{{a("svc.test", "10.0.0.1")}}};
  auto options = ask(server);
  options.default_port = 0;
  const resolving run{dns_resolver{"svc.test", options}};
  REQUIRE(eventually([&] { return run.told().rounds() == 1; }));
  CHECK(run.told().keys().empty());
  CHECK(only(server, service, 33));
}

TEST_CASE(
    "where it is not known whether there are SRV records, the domain itself is used, and an empty answer is "
    "a "
    "failure") {
  const unsigned code = GENERATE(servfail, refused);
  const auto broken = [&](zone rest) {
    return [code, rest](const dns_question& asked) {
      return asked.type == 33 ? dns_answer{.code = code} : rest(asked);
    };
  };
  nameserver server{broken(zone{})};
  const resolving run{dns_resolver{"svc.test", ask(server)}};
  REQUIRE(eventually([&] { return run.told().failures().size() >= 3; }));
  CHECK(run.told().rounds() == 0);
  server.answer(broken(zone{{a("svc.test", "10.0.0.1")}}));
  REQUIRE(eventually([&] { return run.told().rounds() == 1; }));
  CHECK(run.told().keys() == keys{"svc.test@10.0.0.1:8080"});
  server.answer(broken(zone{}));
  REQUIRE(is_asked_again(server, 6));
  CHECK(run.told().keys() == keys{"svc.test@10.0.0.1:8080"});
  CHECK_THAT(last_failure(run), ct::ContainsSubstring("SRV of '" + service + "'"));
  CHECK_THAT(last_failure(run),
             ct::ContainsSubstring(server.text() + ": " + (code == refused ? "REFUSED" : "SERVFAIL")));
}

TEST_CASE(
    "a server that does not know SRV records is asked for addresses; one that knew them once has failed") {
  const auto ignorant = [](const dns_question& asked) {
    return asked.type == 33 ? dns_answer{.code = notimp} : zone{{a("svc.test", "10.0.0.1")}}(asked);
  };
  nameserver server{ignorant};
  const resolving run{dns_resolver{"svc.test", ask(server)}};
  REQUIRE(eventually([&] { return run.told().rounds() == 1; }));
  CHECK(run.told().keys() == keys{"svc.test@10.0.0.1:8080"});
  CHECK(run.told().failures().empty());
  server.answer(one_service);
  REQUIRE(eventually([&] { return run.told().keys() == keys{"web.test@10.0.0.1:80"}; }));
  server.answer(ignorant);
  REQUIRE(eventually([&] { return run.told().failures().size() >= 2; }));
  CHECK(run.told().keys() == keys{"web.test@10.0.0.1:80"});
}

TEST_CASE("once SRV records were seen, a failure neither falls back nor removes anything, whatever it is") {
  const auto how =
      GENERATE(as<std::string>{}, "servfail", "refused", "silence", "garbage", "a loop", "a referral");
  nameserver server{one_service};
  const resolving run{dns_resolver{"svc.test", ask(server)}};
  REQUIRE(eventually([&] { return run.told().rounds() == 1; }));
  dns_answer bad;
  if (how == "servfail") bad.code = servfail;
  if (how == "refused") bad.code = refused;
  if (how == "silence") bad.silent = true;
  if (how == "garbage") bad.answers = {{service, 33, 1, {1, 2, 3}}};
  if (how == "a loop") bad.answers = {cname(service, "x.test"), cname("x.test", service)};
  if (how == "a referral") bad.authorities = {{"test", 2, 5, {0}}};
  server.answer([bad](const dns_question&) { return bad; });
  REQUIRE(eventually([&] { return run.told().failures().size() >= 2; }));
  CHECK(run.told().keys() == keys{"web.test@10.0.0.1:80"});
  CHECK(only(server, service, 33));
  CHECK_THAT(last_failure(run),
             ct::ContainsSubstring("'" + service + "'") && ct::ContainsSubstring(server.text()));
  server.answer(zone{{srv(service, "web.test", 80), a("web.test", "10.0.0.2")}});
  CHECK(eventually([&] { return run.told().keys() == keys{"web.test@10.0.0.2:80"}; }));
}

TEST_CASE("a failed lookup of one target keeps its backends, and the others go on") {
  const zone both{{srv(service, "web1.test", 80), srv(service, "web2.test", 80), a("web1.test", "10.0.0.1"),
                   a("web2.test", "10.0.0.2")}};
  nameserver server{both};
  const resolving run{dns_resolver{"svc.test", ask(server)}};
  REQUIRE(eventually([&] { return run.told().keys().size() == 2; }));
  auto moved = both;
  moved.records.back() = a("web2.test", "10.0.0.3");
  server.answer([moved](const dns_question& asked) {
    return asked.name == "web1.test" ? dns_answer{.code = servfail} : moved(asked);
  });
  REQUIRE(eventually(
      [&] { return run.told().keys() == keys{"web1.test@10.0.0.1:80", "web2.test@10.0.0.3:80"}; }));
  REQUIRE(eventually([&] { return run.told().failures().size() >= 2; }));
  CHECK(run.told().keys() == keys{"web1.test@10.0.0.1:80", "web2.test@10.0.0.3:80"});
  CHECK_THAT(last_failure(run), ct::ContainsSubstring("A of 'web1.test.'"));
  moved.records[2] = a("web9.test", "10.0.0.9");  // now web1.test does not exist
  server.answer(moved);
  CHECK(eventually([&] { return run.told().keys() == keys{"web2.test@10.0.0.3:80"}; }));
}

TEST_CASE("a target that is a dot is a service that is decidedly not there") {
  nameserver server{one_service};
  const resolving run{dns_resolver{"svc.test", ask(server)}};
  REQUIRE(eventually([&] { return run.told().keys().size() == 1; }));
  server.answer(zone{{srv(service, ".", 0), a("svc.test", "10.0.0.1")}});
  CHECK(eventually([&] { return run.told().keys().empty(); }));
  CHECK(only(server, service, 33));
  CHECK(run.told().failures().empty());
}

TEST_CASE("a target that is no host name is told, and the others are used") {
  nameserver server{
      zone{{srv(service, "web.test", 80), srv(service, "a b.test", 80), a("web.test", "10.0.0.1")}}};
  const resolving run{dns_resolver{"svc.test", ask(server)}};
  REQUIRE(eventually([&] { return run.told().rounds() == 1; }));
  CHECK(run.told().keys() == keys{"web.test@10.0.0.1:80"});
  CHECK_THAT(last_failure(run), ct::ContainsSubstring("a\\032b.test"));
}

TEST_CASE("what is missing from fewer answers than patience has is kept, and so is all while DNS is empty") {
  nameserver server{
      zone{{srv(service, "web.test", 80), a("web.test", "10.0.0.1"), a("web.test", "10.0.0.2")}}};
  auto options = ask(server);
  options.patience = {.missing = 3, .empty = 0};
  const resolving run{dns_resolver{"svc.test", options}};
  REQUIRE(eventually([&] { return run.told().keys().size() == 2; }));
  // Each is missing from every second answer.
  server.answer([n = 0](const dns_question& asked) mutable {
    const bool even = asked.type == 33 ? ++n % 2 == 0 : n % 2 == 0;
    return zone{{srv(service, "web.test", 80), a("web.test", even ? "10.0.0.1" : "10.0.0.2")}}(asked);
  });
  REQUIRE(is_asked_again(server, 16));
  CHECK(run.told().changes() == 2);
  server.answer(zone{});
  REQUIRE(is_asked_again(server, 10));
  CHECK(run.told().changes() == 2);
  std::size_t asked = 0;
  server.answer([&asked](const dns_question& what) {
    if (what.type == 33) ++asked;
    return zone{{srv(service, "web.test", 80), a("web.test", "10.0.0.1")}}(what);
  });
  REQUIRE(eventually([&] { return run.told().keys() == keys{"web.test@10.0.0.1:80"}; }));
  CHECK(run.told().changes() == 3);
}

TEST_CASE(
    "a TTL of 0, of 2^32-1, and an answer slower than its TTL, are asked for again at the shortest "
    "interval") {
  const auto ttl = GENERATE(0U, UINT32_MAX);
  const auto delay = GENERATE(0ms, 60ms);
  nameserver server{[&](const dns_question&) {
    return dns_answer{.answers = {a("svc.test", "10.0.0.1", ttl)}, .delay = delay};
  }};
  auto options = ask(server);
  options.service.clear();
  options.min_ttl = 30ms;
  options.max_ttl = 1h;
  const resolving run{dns_resolver{"svc.test", options}};
  REQUIRE(eventually([&] { return run.told().rounds() == 1; }));
  const auto begin = std::chrono::steady_clock::now();
  const auto before = server.asked();
  REQUIRE(is_asked_again(server, 5));
  const auto most = (std::chrono::steady_clock::now() - begin) / 30ms + 2;
  CHECK(static_cast<std::int64_t>(server.asked() - before) <= most);
  CHECK(run.told().changes() == 1);
  CHECK(run.told().failures().empty());
}

TEST_CASE("the shortest TTL in use decides, also that of an alias") {
  nameserver server{[](const dns_question& asked) {
    if (asked.type == 33) return dns_answer{.answers = {srv(service, "web.test", 80, 3600)}};
    return dns_answer{.answers = {cname("web.test", "host.test", 1), a("host.test", "10.0.0.1", 600)}};
  }};
  auto options = ask(server);
  options.max_ttl = 1h;
  const resolving run{dns_resolver{"svc.test", options}};
  REQUIRE(eventually([&] { return run.told().rounds() == 1; }));
  const auto begin = std::chrono::steady_clock::now();
  server.questions();
  REQUIRE(is_asked_again(server, 1));
  const auto took = std::chrono::steady_clock::now() - begin;
  CHECK(took > 950ms);
  CHECK(took < 1900ms);
}

TEST_CASE("an alias that leads out of a nameserver's zone is followed, to whoever knows its target") {
  nameserver inside{[](const dns_question& asked) {
    if (asked.name == "svc.test") return dns_answer{.answers = {cname("svc.test", "www.other.org", 1)}};
    return dns_answer{.code = refused};
  }};
  nameserver outside{zone{{a("www.other.org", "10.0.0.1", 3600)}}};
  auto options = ask({inside.text(), outside.text()});
  options.service.clear();
  options.max_ttl = 1h;
  const resolving run{dns_resolver{"svc.test", options}};
  REQUIRE(eventually([&] { return run.told().rounds() == 1; }));
  CHECK(run.told().keys() == keys{"svc.test@10.0.0.1:8080"});
  CHECK(run.told().failures().empty());
  // The alias holds for a second only.
  const auto begin = std::chrono::steady_clock::now();
  const auto asked = inside.asked() + outside.asked();
  REQUIRE(eventually([&] { return inside.asked() + outside.asked() > asked; }));
  CHECK(std::chrono::steady_clock::now() - begin < 1900ms);
}

TEST_CASE("SRV records and targets may be behind aliases that lead to another zone") {
  nameserver server{[](const dns_question& asked) -> dns_answer {
    if (asked.name == service) return {.answers = {cname(service, "_web._tcp.other.org")}};
    if (asked.name == "_web._tcp.other.org") return {.answers = {srv(asked.name, "web.test", 80)}};
    if (asked.name == "web.test") return {.answers = {cname("web.test", "host.org")}};
    return {.answers = {a(asked.name, "10.0.0.1")}};
  }};
  const resolving run{dns_resolver{"svc.test", ask(server)}};
  REQUIRE(eventually([&] { return run.told().rounds() == 1; }));
  CHECK(run.told().keys() == keys{"web.test@10.0.0.1:80"});
  // What the target does not have is not there; what nobody says of it is not known.
  server.answer([](const dns_question& asked) -> dns_answer {
    if (asked.name == service) return {.answers = {srv(service, "web.test", 80)}};
    if (asked.name == "web.test") return {.answers = {cname("web.test", "host.org")}};
    return {.code = servfail};
  });
  REQUIRE(eventually([&] { return !run.told().failures().empty(); }));
  CHECK_THAT(last_failure(run), ct::ContainsSubstring("A of 'host.org.' failed"));
  CHECK_THAT(last_failure(run), ct::ContainsSubstring("an alias of 'web.test.'"));
  CHECK(run.told().keys() == keys{"web.test@10.0.0.1:80"});
  server.answer([](const dns_question& asked) -> dns_answer {
    if (asked.name == service) return {.answers = {srv(service, "web.test", 80)}};
    if (asked.name == "web.test") return {.answers = {cname("web.test", "host.org")}};
    return {};
  });
  CHECK(eventually([&] { return run.told().keys().empty(); }));
}

TEST_CASE("aliases that lead from one to the next without end are a failure") {
  std::atomic<unsigned> next{0};
  nameserver server{[&](const dns_question& asked) {
    return dns_answer{.answers = {cname(asked.name, "n" + std::to_string(next++) + ".test")}};
  }};
  auto options = ask(server);
  options.service.clear();
  options.recovery.delay = options.recovery.max_delay = 1h;
  const resolving run{dns_resolver{"svc.test", options}};
  REQUIRE(eventually([&] { return !run.told().failures().empty(); }));
  CHECK_THAT(last_failure(run), ct::ContainsSubstring("'svc.test' failed: its aliases do not end"));
  CHECK(server.asked() == 17);
  CHECK(run.told().events().empty());
}

TEST_CASE("the next nameserver is asked only when one fails, and then stays the first") {
  nameserver first{one_service}, second{one_service};
  const resolving run{dns_resolver{"svc.test", ask({first.text(), second.text()})}};
  REQUIRE(eventually([&] { return run.told().rounds() == 1; }));
  REQUIRE(is_asked_again(first, 6));
  CHECK(second.asked() == 0);
  const auto bad = GENERATE(as<dns_answer>{}, dns_answer{.silent = true}, dns_answer{.code = servfail},
                            dns_answer{.raw = bytes{0x81, 0x80, 0, 1, 0, 9}});
  first.answer([bad](const dns_question&) { return bad; });
  REQUIRE(is_asked_again(second, 4));
  const auto before = first.asked();
  REQUIRE(is_asked_again(second, 6));
  CHECK(first.asked() <= before + 1);
  CHECK(run.told().changes() == 1);
  CHECK(run.told().failures().empty());
}

TEST_CASE("when all nameservers are dead the backends stay, and each failure names them and what was asked") {
  auto server = std::make_unique<nameserver>(one_service);
  const auto where = server->text();
  const resolving run{dns_resolver{"svc.test", ask({where, "[::1]:1"})}};
  REQUIRE(eventually([&] { return run.told().rounds() == 1; }));
  server.reset();
  REQUIRE(eventually([&] { return run.told().failures().size() >= 3; }));
  CHECK(run.told().keys() == keys{"web.test@10.0.0.1:80"});
  CHECK(run.told().changes() == 1);
  CHECK_THAT(last_failure(run), ct::ContainsSubstring(service) && ct::ContainsSubstring(where) &&
                                    ct::ContainsSubstring("[::1]:1"));
}

TEST_CASE("a truncated answer is asked for again over TCP") {
  nameserver server{[](const dns_question& asked) {
    dns_answer out{.truncated = !asked.tcp};
    if (asked.tcp)
      for (int i = 1; i <= 200; ++i) out.answers.push_back(a("svc.test", "10.0.1." + std::to_string(i)));
    return out;
  }};
  auto options = ask(server);
  options.service.clear();
  const resolving run{dns_resolver{"svc.test", options}};
  REQUIRE(eventually([&] { return run.told().rounds() >= 1; }));
  CHECK(run.told().keys().size() == 200);
  CHECK(run.told().failures().empty());
}

TEST_CASE("no more lookups than allowed are under way at once") {
  std::vector<dns_record> records;
  for (int i = 1; i <= 20; ++i) {
    const auto name = "web" + std::to_string(i) + ".test";
    records.push_back(srv(service, name, 80));
    records.push_back(a(name, "10.0.0." + std::to_string(i)));
  }
  nameserver server{[all = zone{records}](const dns_question& asked) {
    auto out = all(asked);
    out.delay = 10ms;
    return out;
  }};
  auto options = ask(server);
  options.concurrency = 4;
  const resolving run{dns_resolver{"svc.test", options}};
  REQUIRE(eventually([&] { return run.told().rounds() == 1; }));
  CHECK(run.told().keys().size() == 20);
  CHECK(server.most_waiting() == 4);
}

TEST_CASE("nameservers that are found by DNS themselves are used, and looked for again") {
  nameserver second{one_service};
  nameserver third{zone{{srv(service, "web.test", 80), a("web.test", "10.0.0.3")}}};
  const auto names = [](const nameserver& what) {
    return zone{{srv("_dns._udp.ns.test", "ns1.test", what.port()), a("ns1.test", "127.0.0.1")}};
  };
  nameserver first{names(second)};
  auto options = ask({"@ns.test"});
  options.bootstrap = {first.text()};
  const resolving run{dns_resolver{"svc.test", options}};
  REQUIRE(eventually([&] { return run.told().keys() == keys{"web.test@10.0.0.1:80"}; }));
  CHECK(run.told().failures().empty());
  first.answer(names(third));
  REQUIRE(eventually([&] { return run.told().keys() == keys{"web.test@10.0.0.3:80"}; }));
  // While they cannot be found, those that were known are asked.
  first.answer([](const dns_question&) { return dns_answer{.code = servfail}; });
  REQUIRE(eventually([&] { return !run.told().failures().empty(); }));
  CHECK_THAT(last_failure(run), ct::ContainsSubstring("the nameservers of '@ns.test'"));
  third.answer(one_service);
  CHECK(eventually([&] { return run.told().keys() == keys{"web.test@10.0.0.1:80"}; }));
}

TEST_CASE("a nameserver is reached over IPv6") {
  nameserver server{one_service, "::1"};
  const resolving run{dns_resolver{"svc.test", ask(server)}};
  REQUIRE(eventually([&] { return run.told().rounds() == 1; }));
  CHECK(run.told().keys().size() == 1);
}

TEST_CASE("a bad nameserver is skipped and told, in each run") {
  nameserver server{one_service};
  dns_resolver resolver{"svc.test", ask({"ns.example.com", "10.0.0.1:x", "@a..b", server.text()})};
  const resolving run{std::move(resolver)};
  REQUIRE(eventually([&] { return run.told().rounds() == 1; }));
  const auto told = run.told().failures();
  REQUIRE(told.size() == 3);
  CHECK_THAT(told[0], ct::ContainsSubstring("'ns.example.com' is skipped"));
  CHECK_THAT(told[1], ct::ContainsSubstring("'10.0.0.1:x' is skipped"));
  CHECK_THAT(told[2], ct::ContainsSubstring("'@a..b' is skipped"));
}

// In a program of its own, since the system reads its configuration once.
TEST_CASE("a name without a dot is searched for as the system does, and one with a dot at the end is not",
          "[.search]") {
  nameserver server{zone{{a("svc.two.test", "10.0.0.1")}}};
  auto options = ask(server);
  options.service.clear();
  {
    const resolving run{dns_resolver{"svc", options}};
    REQUIRE(eventually([&] { return run.told().rounds() == 1; }));
    CHECK(run.told().keys() == keys{"svc@10.0.0.1:8080"});
    const auto asked = server.questions();
    REQUIRE(asked.size() >= 2);
    CHECK(asked[0].name == "svc.one.test");
    CHECK(asked[1].name == "svc.two.test");
  }
  {
    const resolving run{dns_resolver{"svc.", options}};
    REQUIRE(eventually([&] { return run.told().rounds() == 1; }));
    CHECK(run.told().keys().empty());
  }
}

TEST_CASE("a run begins with all that is known, also what patience keeps") {
  nameserver server{one_service};
  dns_resolver resolver{"svc.test", ask(server)};
  for (int i = 0; i < 2; ++i) {
    const auto told = std::make_shared<recorder>();
    boost::asio::io_context context;
    boost::asio::cancellation_signal cancel;
    bool over = false;
    resolver.async_run(
        resolver_sink{told},
        boost::asio::bind_cancellation_slot(
            cancel.slot(), boost::asio::bind_executor(context, [&](error_code) { over = true; })));
    REQUIRE(eventually([&] { return context.poll() > 0 && told->rounds() == 1; }));
    CHECK(told->keys() == keys{"web.test@10.0.0.1:80"});
    cancel.emit(boost::asio::cancellation_type::total);
    CHECK(eventually([&] { return context.poll(), over; }));
  }
}

TEST_CASE("a context that goes while a lookup is under way takes the run with it") {
  nameserver server{[](const dns_question&) { return dns_answer{.silent = true}; }};
  dns_resolver resolver{"svc.test", ask(server)};
  const auto told = std::make_shared<recorder>();
  {
    boost::asio::io_context context;
    resolver.async_run(resolver_sink{told}, boost::asio::bind_executor(context, [](error_code) {}));
    REQUIRE(eventually([&] { return context.poll(), server.asked() == 1; }));
  }
  CHECK(told.use_count() == 1);
}

TEST_CASE("bad options are refused by name and value") {
  const auto refused_with = [](const std::string& domain, const dns_options& options,
                               const std::string& text) {
    CHECK_THROWS_WITH(dns_resolver(domain, options), ct::ContainsSubstring(text));
  };
  refused_with("a..b", {.default_port = 1}, "the domain 'a..b' has an empty label");
  refused_with("10.0.0.1", {.default_port = 1}, "'10.0.0.1' is an address");
  refused_with("a.b", {}, "default_port is 0");
  refused_with("a.b", {.service = "http"}, "service is 'http'");
  refused_with("a.b", {.default_port = 1, .nameservers = {"x", "y"}}, "nameservers is 'x' and others");
  refused_with("a.b", {.default_port = 1, .bootstrap = {"@x"}}, "bootstrap is '@x'");
  refused_with("a.b", {.default_port = 1, .min_ttl = 0s}, "min_ttl is 0 s");
  refused_with("a.b", {.default_port = 1, .min_ttl = 2s, .max_ttl = 1s}, "max_ttl is 1 s");
  refused_with("a.b", {.default_port = 1, .concurrency = 0}, "concurrency is 0");
  refused_with("a.b", {.default_port = 1, .patience = {.missing = 0}}, "patience.missing is 0");
  refused_with("a.b", {.default_port = 1, .recovery = {.retries = 0}}, "recovery.retries is 0");
  refused_with("a.b", {.default_port = 1, .recovery = {.spread = 2}}, "recovery.spread is 2");
  refused_with(std::string(63, 'a') + "." + std::string(63, 'a') + "." + std::string(63, 'a') + "." +
                   std::string(58, 'a'),
               {.service = "_a._tcp"}, "is longer than 253");
  try {
    dns_resolver{"a.b", {}};
  } catch (const std::system_error& error) {
    CHECK(error.code() == make_error_code(errc::bad_option));
  }
}

TEST_CASE("a port of 0 is told, and is no backend, not even where it is the only one") {
  nameserver server{one_service};
  const resolving run{dns_resolver{"svc.test", ask(server)}};
  REQUIRE(eventually([&] { return run.told().rounds() == 1; }));
  server.answer(zone{{srv(service, "web.test", 0), a("web.test", "10.0.0.1")}});
  REQUIRE(eventually([&] { return !run.told().failures().empty(); }));
  CHECK_THAT(last_failure(run), ct::ContainsSubstring("'web.test'") && ct::ContainsSubstring("port 0"));
  CHECK(run.told().keys() == keys{"web.test@10.0.0.1:80"});
  server.answer(zone{{srv(service, "web.test", 0), srv(service, "web.test", 81), a("web.test", "10.0.0.1")}});
  CHECK(eventually([&] { return run.told().keys() == keys{"web.test@10.0.0.1:81"}; }));
}

TEST_CASE("a nameserver that hangs up as soon as TCP has reached it is told, and raises no signal") {
  static volatile std::sig_atomic_t broken = 0;
  auto* const before = std::signal(SIGPIPE, [](int) { broken = 1; });
  namespace ip = boost::asio::ip;
  boost::asio::io_context servers, context;
  ip::tcp::acceptor acceptor{servers, {ip::make_address("127.0.0.1"), 0}};
  const auto here = acceptor.local_endpoint();
  std::atomic<int> left = 5;
  std::thread over_tcp{[&] {
    for (; left > 0; --left) {
      auto peer = acceptor.accept();
      peer.shutdown(ip::tcp::socket::shutdown_send);
      peer.set_option(boost::asio::socket_base::linger{true, 0});
      peer.close();
    }
  }};
  // Over UDP each answer is the question, and truncated.
  ip::udp::socket udp{servers, {here.address(), here.port()}};
  std::thread over_udp{[&] {
    for (bytes message(2000); left > 0;) {
      ip::udp::endpoint from;
      const auto size = udp.receive_from(boost::asio::buffer(message), from);
      message[2] = 0x82;
      udp.send_to(boost::asio::buffer(message, size), from);
    }
  }};
  const auto told = std::make_shared<recorder>();
  dns_resolver resolver{"svc.test", ask({"127.0.0.1:" + std::to_string(here.port())})};
  resolver.async_run(resolver_sink{told}, boost::asio::bind_executor(context, [](error_code) {}));
  // Slow enough for the server to be gone when the question is written.
  CHECK(eventually([&] { return context.poll_one(), left <= 0 && !told->failures().empty(); }));
  CHECK(told->keys().empty());
  udp.send_to(boost::asio::buffer("end"), udp.local_endpoint());
  over_tcp.join();
  over_udp.join();
  std::signal(SIGPIPE, before);
  CHECK(broken == 0);
}

TEST_CASE("a nameserver is reached over an address that holds for one link only") {
  ifaddrs* all = nullptr;
  REQUIRE(::getifaddrs(&all) == 0);
  std::string address;
  for (const auto* each = all; each; each = each->ifa_next) {
    if (!each->ifa_addr || each->ifa_addr->sa_family != AF_INET6) continue;
    const auto& raw = reinterpret_cast<const sockaddr_in6*>(each->ifa_addr)->sin6_addr;
    boost::asio::ip::address_v6::bytes_type of;
    std::copy_n(raw.s6_addr, of.size(), of.begin());
    if (const boost::asio::ip::address_v6 plain{of}; plain.is_link_local())
      address = plain.to_string() + '%' + each->ifa_name;
  }
  ::freeifaddrs(all);
  if (address.empty()) return;  // there is none here
  nameserver server{one_service, address};
  CAPTURE(server.text());
  const resolving run{dns_resolver{"svc.test", ask(server)}};
  CHECK(eventually([&] { return run.told().rounds() == 1; }));
  CHECK(run.told().failures() == std::vector<std::string>{});
  const resolving lost{dns_resolver{"svc.test", ask({"[fe80::1%no-such]:53"})}};
  CHECK(eventually([&] { return !lost.told().failures().empty(); }));
  CHECK_THAT(last_failure(lost), ct::ContainsSubstring("no interface 'no-such'"));
}
