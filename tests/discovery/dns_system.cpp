// SPDX-License-Identifier: BSL-1.0
/// \file
/// The dns_resolver as the system is configured: nameservers and search domains of /etc/resolv.conf.
#include <chrono>
#include <set>
#include <string>
#include <vector>

#include <cueball/dns_resolver.hpp>

#include "discovery/support/nameserver.hpp"
#include "discovery/support/own_system.hpp"
#include "support/catch.hpp"
#include "support/eventually.hpp"
#include "support/recorder.hpp"

using namespace cueball;
using namespace std::chrono_literals;
using namespace support;
using keys = std::set<std::string>;
using resolving = background_run<dns_resolver>;

namespace {

own_system here;
const skip_unless with_namespaces{here.is_there(), "namespace to be had, or no /etc/resolv.conf"};

dns_options ask_the_system() {
  return {.default_port = 80,
          .min_ttl = 5ms,
          .max_ttl = 20ms,
          .recovery = {.retries = 2, .timeout = 100ms, .max_timeout = 100ms, .delay = 5ms, .max_delay = 20ms},
          .families = dns_families::v4,
          .seed = 1};
}

std::vector<std::string> names(const std::vector<dns_question>& questions) {
  std::vector<std::string> out;
  for (const auto& each : questions) out.push_back(each.name);
  return out;
}

zone svc_at(const std::string& address) {
  return {{a("svc.test", address)}};
}

}  // namespace

TEST_CASE(
    "the system's nameservers are asked at port 53, in its order; what is no nameserver is skipped, and "
    "told") {
  nameserver first{svc_at("10.0.0.1"), "127.0.0.1", 53}, second{svc_at("10.0.0.1"), "127.0.0.2", 53};
  here.configure(
      "# nameserver 127.0.0.4\nnameserver 127.0.0.300\nnameserver\nnameserver ns.test\nnonsense 127.0.0.5\n"
      "nameserver 127.0.0.2\noptions rotate bad:option\nnameserver 127.0.0.1\n");
  const resolving run{dns_resolver{"svc.test", ask_the_system()}};
  REQUIRE(eventually([&] { return second.asked() >= 4; }));
  CHECK(run.told().keys() == keys{"svc.test@10.0.0.1:80"});
  CHECK(first.asked() == 0);
  second.answer([](const dns_question&) { return dns_answer{.code = servfail}; });
  REQUIRE(eventually([&] { return first.asked() >= 4; }));
  CHECK(run.told().changes() == 1);
  // Once, however often the file is read.
  std::vector<std::string> skipped;
  for (const std::string what : {"127.0.0.300", "", "ns.test"})
    skipped.push_back("dns_resolver: /etc/resolv.conf: the nameserver '" + what +
                      "' is skipped: it is no IP address");
  CHECK(run.told().failures() == skipped);
  here.configure("nameserver 127.0.0.2\nnameserver x\xFFy\n");
  CHECK(eventually([&] { return run.told().heard("the nameserver 'x?y' is skipped"); }));
}

TEST_CASE("a nameserver of the system is reached over IPv6") {
  nameserver server{svc_at("10.0.0.1"), "::1", 53};
  here.configure("nameserver ::1\n");
  const resolving run{dns_resolver{"svc.test", ask_the_system()}};
  REQUIRE(eventually([&] { return run.told().rounds() == 1; }));
  CHECK(run.told().keys() == keys{"svc.test@10.0.0.1:80"});
}

TEST_CASE("a nameserver of the system is reached over an address that holds for one link only") {
  here.give_loopback("fe80::53");
  nameserver server{svc_at("10.0.0.1"), "fe80::53%lo", 53};
  here.configure("nameserver fe80::54%no-such\nnameserver fe80::53%lo\n");
  const resolving run{dns_resolver{"svc.test", ask_the_system()}};
  REQUIRE(eventually([&] { return run.told().rounds() == 1; }));
  CHECK(run.told().keys() == keys{"svc.test@10.0.0.1:80"});
  CHECK(run.told().failures().empty());
}

TEST_CASE("where the system names no nameserver, that of this host is asked") {
  nameserver server{svc_at("10.0.0.1"), "127.0.0.1", 53};
  here.configure("# nothing\n");
  const resolving run{dns_resolver{"svc.test", ask_the_system()}};
  REQUIRE(eventually([&] { return run.told().rounds() == 1; }));
  CHECK(run.told().keys() == keys{"svc.test@10.0.0.1:80"});
}

TEST_CASE("the search domains of resolv.conf are tried in order, and what is no domain is skipped") {
  nameserver server{zone{{a("svc.two.test", "10.0.0.1"), a("a.svc", "10.0.0.2")}}, "127.0.0.1", 53};
  here.configure("nameserver 127.0.0.1\nsearch one.test not..adomain two.test\n");
  using strings = std::vector<std::string>;
  const resolving run{dns_resolver{"svc", ask_the_system()}};
  REQUIRE(eventually([&] { return run.told().rounds() == 1; }));
  CHECK(run.told().keys() == keys{"svc@10.0.0.1:80"});
  auto asked = names(server.questions());
  REQUIRE(asked.size() >= 2);
  asked.resize(2);
  CHECK(asked == strings{"svc.one.test", "svc.two.test"});
}

TEST_CASE("the ndots of resolv.conf decide what is tried first") {
  nameserver server{zone{{a("a.svc.one.test", "10.0.0.1"), a("a.svc", "10.0.0.2")}}, "127.0.0.1", 53};
  const auto found = [&] {
    const resolving run{dns_resolver{"a.svc", ask_the_system()}};
    REQUIRE(eventually([&] { return run.told().rounds() == 1; }));
    return run.told().keys();
  };
  here.configure("nameserver 127.0.0.1\nsearch one.test\n");
  CHECK(found() == keys{"a.svc@10.0.0.2:80"});
  here.configure("nameserver 127.0.0.1\nsearch one.test\noptions ndots:2\n");
  CHECK(found() == keys{"a.svc@10.0.0.1:80"});
}

TEST_CASE("nameservers are found by DNS through the system's") {
  nameserver found{svc_at("10.0.0.1"), "127.0.0.2", 53};
  nameserver elsewhere{svc_at("10.0.0.2"), "127.0.0.3", 5353};
  nameserver system{zone{{a("ns.test", "127.0.0.2")}}, "127.0.0.1", 53};
  here.configure("nameserver 127.0.0.1\n");
  auto options = ask_the_system();
  options.nameservers = {"@ns.test"};
  const resolving run{dns_resolver{"svc.test", options}};
  // Those at the addresses of the name are at port 53; those of SRV records where these say.
  REQUIRE(eventually([&] { return run.told().keys() == keys{"svc.test@10.0.0.1:80"}; }));
  system.answer(zone{{srv("_dns._udp.ns.test", "ns1.test", 5353), a("ns1.test", "127.0.0.3")}});
  REQUIRE(eventually([&] { return run.told().keys() == keys{"svc.test@10.0.0.2:80"}; }));
  CHECK(run.told().failures().empty());
  for (const auto& name : names(system.questions())) CHECK(name != "svc.test");
}

TEST_CASE("what is changed in resolv.conf holds from the next refresh on") {
  nameserver first{zone{{a("svc.one.test", "10.0.0.1")}}, "127.0.0.1", 53};
  nameserver second{zone{{a("svc.two.test", "10.0.0.2")}}, "127.0.0.2", 53};
  here.configure("nameserver 127.0.0.1\nsearch one.test\n");
  const resolving run{dns_resolver{"svc", ask_the_system()}};
  REQUIRE(eventually([&] { return run.told().rounds() == 1; }));
  CHECK(run.told().keys() == keys{"svc@10.0.0.1:80"});
  here.configure("nameserver 127.0.0.2\nsearch two.test\n");
  REQUIRE(eventually([&] { return run.told().keys() == keys{"svc@10.0.0.2:80"}; }));
  const auto before = first.asked();
  const auto asked = second.asked();
  REQUIRE(eventually([&] { return second.asked() >= asked + 4; }));
  CHECK(first.asked() == before);
  CHECK(run.told().events() ==
        std::vector<std::string>{"+svc@10.0.0.1:80", "done", "+svc@10.0.0.2:80", "-svc@10.0.0.1:80"});
  CHECK(run.told().failures().empty());
}
