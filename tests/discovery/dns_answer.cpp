// SPDX-License-Identifier: BSL-1.0
/// \file
/// DNS messages, honest and hostile, as bytes.
#include <string>

#include <dns/answer.hpp>
#include <dns/names.hpp>

#include "discovery/support/nameserver.hpp"
#include "support/catch.hpp"

using namespace cueball::dns;
using namespace support;
using kind = finding::kind;

namespace {

std::optional<message> parsed(const bytes& raw) {
  std::string problem;
  auto out = parse(raw, problem);
  CHECK(out.has_value() == problem.empty());
  return out;
}

bytes sent(const dns_answer& answer, const std::string& name = "x.test", unsigned type = 1) {
  return message_of(7, {name, type}, answer);
}

finding said(const dns_answer& answer, const std::string& name, record_type type) {
  const auto all = parsed(sent(answer, name, static_cast<unsigned>(type)));
  REQUIRE(all);
  return read(*all, name, type);
}

/// A header that announces one record in the answer, and then the rest.
bytes with_answer(const bytes& rest) {
  bytes out{0, 7, 0x81, 0x80, 0, 0, 0, 1, 0, 0, 0, 0};
  out.insert(out.end(), rest.begin(), rest.end());
  return out;
}

std::string problem_of(const bytes& raw) {
  std::string problem;
  CHECK_FALSE(parse(raw, problem));
  return problem;
}

}  // namespace

TEST_CASE("records of all types that matter are read, in lower case") {
  const auto all = parsed(sent({.answers = {srv("_a._tcp.X.test", "Web.Test", 80, 30, 1, 2)},
                                .authorities = {soa("test", 9, 8)},
                                .additionals = {a("web.test", "10.0.0.1", 5), aaaa("web.test", "fd00::1", 6),
                                                cname("c.test", "web.test", 4)}}));
  REQUIRE(all);
  CHECK(all->answers.at(0).owner == "_a._tcp.x.test");
  CHECK(all->answers.at(0).ttl == 30);
  CHECK(std::get<service_data>(all->answers.at(0).data) == service_data{1, 2, 80, "web.test"});
  CHECK(std::get<authority_data>(all->authorities.at(0).data).minimum == 8);
  CHECK(std::get<address_data>(all->additionals.at(0).data).address == "10.0.0.1");
  CHECK(std::get<address_data>(all->additionals.at(1).data).address == "fd00::1");
  CHECK(std::get<alias_data>(all->additionals.at(2).data).target == "web.test");
}

TEST_CASE("what was not asked for is not believed") {
  const auto found =
      said({.answers = {a("x.test", "10.0.0.1"), a("evil.test", "10.6.6.6")}}, "X.test.", record_type::a);
  REQUIRE(found.what == kind::found);
  CHECK(found.records.size() == 1);
}

TEST_CASE("aliases are followed, and shorten the TTL") {
  const auto found = said(
      {.answers = {cname("x.test", "y.test", 3), cname("y.test", "z.test", 60), a("z.test", "10.0.0.1", 90)}},
      "x.test", record_type::a);
  REQUIRE(found.what == kind::found);
  CHECK(found.ttl == 3U);
  CHECK(said({.answers = {cname("x.test", "y.test"), cname("y.test", "x.test")}}, "x.test", record_type::a)
            .what == kind::failed);
}

TEST_CASE("an alias that leads to a name of which nothing is said is to be followed") {
  const auto leads = [](const dns_answer& answer) { return said(answer, "x.test", record_type::a); };
  const auto out = leads({.answers = {cname("x.test", "y.test", 9), cname("y.test", "Z.else", 3)}});
  CHECK(out.what == kind::alias);
  CHECK(out.target == "z.else");
  CHECK(out.ttl == 3U);
  CHECK(leads({.answers = {cname("x.test", "z.else")}, .authorities = {{"else", 2, 5, {0}}}}).what ==
        kind::alias);
  // A server that knows of the end of it says so (RFC 2308, section 2.1 and 2.2).
  CHECK(leads({.answers = {cname("x.test", "z.test")}, .authorities = {soa("test", 5, 5)}}).what ==
        kind::empty);
  CHECK(leads({.code = nxdomain, .answers = {cname("x.test", "z.test")}}).what == kind::empty);
}

TEST_CASE("failed, empty and refused are told apart") {
  const auto what = [](const dns_answer& answer) { return said(answer, "x.test", record_type::a).what; };
  CHECK(what({}) == kind::empty);
  CHECK(what({.code = nxdomain}) == kind::empty);
  CHECK(what({.code = servfail}) == kind::failed);
  CHECK(what({.code = 1}) == kind::failed);
  CHECK(what({.code = refused}) == kind::refused);
  CHECK(what({.code = notimp}) == kind::not_implemented);
  CHECK(what({.answers = {a("x.test", "10.0.0.1")}, .truncated = true}) == kind::failed);
  // A server that sends one elsewhere does not say that there is nothing.
  CHECK(what({.authorities = {{"test", 2, 5, {0}}}}) == kind::failed);
  CHECK(what({.authorities = {soa("test", 5, 5), {"test", 2, 5, {0}}}}) == kind::empty);
}

TEST_CASE("an empty answer holds for the shorter time of its SOA") {
  CHECK(said({.authorities = {soa("test", 9, 5)}}, "x.test", record_type::a).ttl == 5U);
  CHECK(said({.code = nxdomain, .authorities = {soa("test", 4, 5)}}, "x.test", record_type::a).ttl == 4U);
  CHECK_FALSE(said({}, "x.test", record_type::a).ttl);
}

TEST_CASE("a TTL with the highest bit set is none") {
  CHECK(said({.answers = {a("x.test", "10.0.0.1", UINT32_MAX)}}, "x.test", record_type::a).ttl == 0U);
  CHECK(said({.answers = {a("x.test", "10.0.0.1", 0x80000000U)}}, "x.test", record_type::a).ttl == 0U);
  CHECK(said({.answers = {a("x.test", "10.0.0.1", 0x7FFFFFFFU)}}, "x.test", record_type::a).ttl ==
        0x7FFFFFFFU);
}

TEST_CASE("every beginning of a message is refused, but for the whole") {
  const auto whole = sent({.answers = {srv("x.test", "web.test", 80)},
                           .authorities = {soa("test", 9, 8)},
                           .additionals = {a("web.test", "10.0.0.1")}});
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK_FALSE(problem_of({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}).empty());
  CHECK(parsed(whole));
}

TEST_CASE("hostile names are refused") {
  CHECK_THAT(problem_of(with_answer({0xC0, 12})), ct::ContainsSubstring("points forward, or to itself"));
  CHECK_THAT(problem_of(with_answer({0xC0, 14, 0xC0, 12})), ct::ContainsSubstring("points forward"));
  CHECK_THAT(problem_of(with_answer({1, 'a', 0xC0, 12})), ct::ContainsSubstring("points forward"));
  CHECK_THAT(problem_of(with_answer({0x40, 0})), ct::ContainsSubstring("unknown type"));
  bytes long_name;
  for (int i = 0; i < 5; ++i) {
    long_name.push_back(63);
    long_name.insert(long_name.end(), 63, 'a');
  }
  CHECK_THAT(problem_of(with_answer(long_name)), ct::ContainsSubstring("longer than 255"));
}

TEST_CASE("data of the wrong size is refused") {
  const auto record = [](unsigned type, const bytes& data) {
    return problem_of(sent({.answers = {{"x.test", type, 1, data}}}));
  };
  CHECK_THAT(record(1, {1, 2, 3}), ct::ContainsSubstring("wrong size"));
  CHECK_THAT(record(28, {1, 2, 3, 4}), ct::ContainsSubstring("wrong size"));
  CHECK_THAT(record(33, {0, 0, 0, 0, 0, 80, 0, 0}), ct::ContainsSubstring("wrong size"));
  CHECK_THAT(record(5, {}), ct::ContainsSubstring("too early"));
  CHECK_THAT(problem_of({0, 7, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}), ct::ContainsSubstring("is a question"));
}

TEST_CASE("names and services of users are checked") {
  CHECK(problem_with_name("svc.example.com").empty());
  CHECK(problem_with_name("svc.example.com.").empty());
  CHECK(problem_with_name("").find("empty") != std::string::npos);
  CHECK_FALSE(problem_with_name("a..b").empty());
  CHECK_FALSE(problem_with_name("-a.b").empty());
  CHECK_FALSE(problem_with_name("a b").empty());
  CHECK_FALSE(problem_with_name(std::string(64, 'a')).empty());
  CHECK_FALSE(problem_with_name(std::string(63, 'a') + '.' + std::string(63, 'a') + '.' +
                                std::string(63, 'a') + '.' + std::string(63, 'a'))
                  .empty());
  CHECK(problem_with_service("_http._tcp").empty());
  for (const auto* const bad : {"http._tcp", "_http", "_http.tcp", "_._tcp", "_http._", "_a._b._c"})
    CHECK_FALSE(problem_with_service(bad).empty());
}

TEST_CASE("nameservers are read with and without a port") {
  CHECK(read_nameserver("10.0.0.1") == cueball::dns::nameserver{"10.0.0.1", 53});
  CHECK(read_nameserver("10.0.0.1:5353") == cueball::dns::nameserver{"10.0.0.1", 5353});
  CHECK(read_nameserver("::1") == cueball::dns::nameserver{"::1", 53});
  CHECK(read_nameserver("[::1]") == cueball::dns::nameserver{"::1", 53});
  CHECK(read_nameserver("[::1]:5353") == cueball::dns::nameserver{"::1", 5353});
  CHECK(read_nameserver("[::1]:5353")->text() == "[::1]:5353");
  for (const auto* const bad : {"", "ns.example.com", "10.0.0.1:", "10.0.0.1:0", "10.0.0.1:65536", "[::1",
                                "[::1]5", "[10.0.0.1]:53", "[::1]:x", "10.0.0.1:5 "})
    CHECK_FALSE(read_nameserver(bad));
}

TEST_CASE("a name with enough dots is tried before the search domains, and another one behind them") {
  const search_list search{{"a.test", "b.test"}, 2};
  using names = std::vector<std::string>;
  CHECK(search.candidates("x") == names{"x.a.test", "x.b.test", "x"});
  CHECK(search.candidates("x.y.z") == names{"x.y.z", "x.y.z.a.test", "x.y.z.b.test"});
  CHECK(search.candidates("x.") == names{"x."});
}
