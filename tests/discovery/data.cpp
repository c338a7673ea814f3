// SPDX-License-Identifier: BSL-1.0
/// \file
/// What services write about themselves: how it is read, and what is not.
#include <string>

#include "discovery/data.hpp"
#include "discovery/gateway.hpp"

#include <support/catch.hpp>

using namespace cueball;
using detail::in_quotes;
using detail::read_member;
using detail::read_primary;

namespace {

backend at(const char* address, std::uint16_t port) {
  return {.address = address, .port = port};
}

/// What is wrong; empty if something was read or nothing is meant.
std::string problem(const std::string& data) {
  const auto found = read_member(data);
  CHECK(found.where.has_value() <= found.problem.empty());
  return found.problem;
}

}  // namespace

TEST_CASE("a member is host:port") {
  CHECK(read_member("10.0.0.1:80").where == at("10.0.0.1", 80));
  CHECK(read_member(" [2001:db8::1]:65535\n").where == at("2001:db8::1", 65535));
}

TEST_CASE("a member is of a server set") {
  const std::string alive = R"({"serviceEndpoint": {"host": "10.0.0.1", "port": 80},
    "additionalEndpoints": {"admin": {"host": "10.0.0.1", "port": 9990}}, "status": "ALIVE", "shard": 3})";
  CHECK(read_member(alive).where == at("10.0.0.1", 80));
  CHECK(read_member(alive, "admin").where == at("10.0.0.1", 9990));
  CHECK_THAT(read_member(alive, "http").problem, ct::StartsWith("has no \"http\""));
  const auto dead = read_member(R"({"serviceEndpoint": {"host": "10.0.0.1", "port": 80}, "status": "DEAD"})");
  CHECK(!dead.where);
  CHECK(dead.problem.empty());
  CHECK(read_member(R"({"serviceEndpoint": {"host": "::1", "port": 80}, "additionalEndpoints": {}})").where ==
        at("::1", 80));
}

TEST_CASE("a member is of Curator's discovery, or plain JSON") {
  CHECK(read_member(R"({"name": "web", "id": "b7", "address": "10.0.0.1", "port": 80, "sslPort": null,
    "payload": null, "registrationTimeUTC": 1325129459728, "serviceType": "DYNAMIC", "uriSpec": null})")
            .where == at("10.0.0.1", 80));
  CHECK(read_member(R"({"host": "10.0.0.1", "port": 80, "weight": 0, "priority": 7})").where ==
        backend{.address = "10.0.0.1", .port = 80, .weight = 0, .priority = 7});
  const auto disabled = read_member(R"({"address": "10.0.0.1", "port": 80, "enabled": false})");
  CHECK(!disabled.where);
  CHECK(disabled.problem.empty());
}

TEST_CASE("a primary is an address of its own and the port of a URL") {
  CHECK(read_primary(R"({"generation": 3, "primary": {"id": "10.0.0.1:5432:12345", "ip": "10.0.0.1",
    "pgUrl": "tcp://postgres@10.0.0.1:5432/postgres", "zoneId": "z"}, "sync": null, "async": []})")
            .where == at("10.0.0.1", 5432));
  CHECK(read_primary(R"({"primary": {"ip": "::1", "pgUrl": "tcp://[::1]:5432?a:1@b:2"}})").where ==
        at("::1", 5432));
  const auto none = read_primary(R"({"primary": null})");
  CHECK(!none.where);
  CHECK(none.problem.empty());
  for (const char* bad :
       {"{}", "[]", "null", "x", "", R"({"primary": 7})", R"({"primary": {}})",
        R"({"primary": {"ip": "10.0.0.1"}})", R"({"primary": {"ip": "10.0.0.1", "pgUrl": "10.0.0.1:5432"}})",
        R"({"primary": {"ip": "10.0.0.1", "pgUrl": "tcp://10.0.0.1/postgres"}})",
        R"({"primary": {"ip": "10.0.0.1", "pgUrl": "tcp://10.0.0.1:0/postgres"}})",
        R"({"primary": {"ip": "db.example", "pgUrl": "tcp://db.example:5432/postgres"}})"}) {
    INFO(bad);
    const auto found = read_primary(bad);
    CHECK(!found.where);
    CHECK(!found.problem.empty());
  }
}

TEST_CASE("a host name is refused by name: names are for DNS") {
  for (const std::string data :
       {"db.example:5432", R"({"host": "db.example", "port": 5432})",
        R"({"serviceEndpoint": {"host": "db.example", "port": 5432}, "status": "ALIVE"})"}) {
    CHECK_THAT(problem(data),
               ct::ContainsSubstring("'db.example'") && ct::ContainsSubstring("no IP address"));
  }
  CHECK_THAT(problem(R"({"host": "/run/db.sock", "port": 1})"), ct::ContainsSubstring("no IP address"));
  CHECK_THAT(problem(R"({"host": "10.0.0.1\u0000.evil", "port": 1})"),
             ct::ContainsSubstring("no IP address"));
}

TEST_CASE("what is malformed is refused with its value") {
  for (const std::string data : {"x",
                                 "10.0.0.1",
                                 "10.0.0.1:",
                                 ":80",
                                 "10.0.0.1:0",
                                 "10.0.0.1:65536",
                                 "10.0.0.1:-1",
                                 "10.0.0.1:+80",
                                 "10.0.0.1:80x",
                                 "10.0.0.1:999999999999999999999",
                                 "::1:80",
                                 "[::1]",
                                 "[::1:80",
                                 "[]:80",
                                 "10.0.0.1 :80",
                                 "{",
                                 "{}",
                                 "{]",
                                 R"({"host": 7, "port": 80})",
                                 R"({"host": "10.0.0.1"})",
                                 R"({"host": "10.0.0.1", "port": "80"})",
                                 R"({"host": "10.0.0.1", "port": 80.5})",
                                 R"({"host": "10.0.0.1", "port": -80})",
                                 R"({"host": "10.0.0.1", "port": 18446744073709551616})",
                                 R"({"host": "10.0.0.1", "port": 65616})",
                                 R"({"host": "10.0.0.1", "port": 80, "weight": -1})",
                                 R"({"host": "10.0.0.1", "port": 80, "weight": 4294967296})",
                                 R"({"host": "10.0.0.1", "port": 80} trailing)",
                                 R"({"serviceEndpoint": null})",
                                 R"({"serviceEndpoint": []})",
                                 R"({"serviceEndpoint": {"host": "10.0.0.1", "port": 80}, "status": 7})",
                                 R"({"host": "10.0.0.1", "port": 80, "enabled": "no"})"}) {
    INFO(data);
    CHECK_THAT(problem(data), ct::ContainsSubstring(in_quotes(data)));
  }
  CHECK(problem("") == "has no data");
  CHECK(problem(" \n") == "has no data");
}

TEST_CASE("what is hostile is refused, and its message stays small and printable") {
  const std::string deep(100'000, '[');
  CHECK(problem("{\"host\":" + deep).size() < 600);
  const std::string long_name(500'000, 'a');
  CHECK(problem(long_name + ":80").size() < 1200);
  CHECK_THAT(problem(std::string(2'000'000, '1')), ct::ContainsSubstring("2000000 bytes"));
  const std::string binary{"\0\xFF\x1B[31m\n:80", 11};
  CHECK_THAT(problem(binary), ct::ContainsSubstring(R"('\x00\xff\x1b[31m\x0a:80')"));
  CHECK(!problem("{\"host\": \"\xFF\xFE\", \"port\": 80}").empty());
  // Cut off anywhere, it is refused.
  const std::string whole = R"({"serviceEndpoint": {"host": "10.0.0.1", "port": 80}, "status": "ALIVE"})";
  for (std::size_t size = 0; size < whole.size(); ++size) CHECK(!problem(whole.substr(0, size)).empty());
}

TEST_CASE("base64 there and back") {
  using detail::from_base64;
  using detail::to_base64;
  CHECK(to_base64("") == "");
  CHECK(to_base64("f") == "Zg==");
  CHECK(to_base64("fo") == "Zm8=");
  CHECK(to_base64("foo") == "Zm9v");
  std::string all;
  for (int i = 0; i < 256; ++i) {
    all += static_cast<char>(i);
    CHECK(from_base64(to_base64(all)) == all);
  }
  for (const char* bad : {"Z", "Zg", "Zg=", "Z===", "====", "Zg==Zg==", "Z=g=", "Zg\n=", "Zg=x", "Z*=="}) {
    INFO(bad);
    CHECK(!from_base64(bad));
  }
}

TEST_CASE("the end of a prefix is the first key that does not begin with it") {
  CHECK(detail::end_of_prefix("/a/") == "/a0");
  CHECK(detail::end_of_prefix("a\xFF\xFF") == "b");
  CHECK(detail::end_of_prefix("\xFF") == std::string(1, '\0'));
}

TEST_CASE("etcd's answers are read, and refused when they are malformed") {
  const auto range = detail::read_range(
      R"({"header": {"revision": "7"}, "kvs": [{"key": "L2E=", "value": "eA=="}, {"key": "L2I="}], "count": "2"})");
  CHECK(range.problem.empty());
  CHECK(range.revision == 7);
  CHECK(range.values == std::vector<std::pair<std::string, std::string>>{{"/a", "x"}, {"/b", ""}});
  CHECK(detail::read_range(R"({"header": {"revision": 7}})").values.empty());
  for (const char* bad :
       {"", "{}", "[]", R"({"header": {"revision": "0"}})", R"({"header": {"revision": "9x"}})",
        R"({"header": {"revision": "99999999999999999999"}})", R"({"header": {"revision": "7"}, "kvs": {}})",
        R"({"header": {"revision": "7"}, "kvs": [7]})", R"({"header": {"revision": "7"}, "kvs": [{}]})",
        R"({"header": {"revision": "7"}, "kvs": [{"key": 7}]})",
        R"({"header": {"revision": "7"}, "more": true})"}) {
    INFO(bad);
    CHECK(!detail::read_range(bad).problem.empty());
  }

  const auto watch =
      detail::read_watch(R"({"result": {"header": {}, "events": [{"kv": {"key": "L2E=", "value":
    "eA=="}}, {"type": "DELETE", "kv": {"key": "L2I="}}, {"type": "PUT", "kv": {"key": "L2M="}}]}})");
  CHECK(watch.problem.empty());
  REQUIRE(watch.events.size() == 3);
  CHECK(watch.events[0].value == "x");
  CHECK(!watch.events[1].value);
  CHECK(watch.events[2].value == "");
  CHECK(detail::read_watch(R"({"result": {"created": true}})").is_created);
  CHECK(detail::read_watch(R"({"result": {"canceled": true, "compact_revision": "4"}})").compact_revision ==
        4);
  for (const char* bad : {"", "{}", R"({"error": {"message": "no"}})", R"({"result": {"events": [{}]}})",
                          R"({"result": {"events": [{"type": "MOVE", "kv": {"key": "L2E="}}]}})"}) {
    INFO(bad);
    CHECK(!detail::read_watch(bad).problem.empty());
  }
}
