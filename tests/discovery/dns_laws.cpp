// SPDX-License-Identifier: BSL-1.0
/// \file
/// The laws of a resolver, over the dns_resolver.
#include <chrono>

#include <cueball/dns_resolver.hpp>
#include <cueball/laws/resolver.hpp>

#include "discovery/support/nameserver.hpp"
#include "support/catch.hpp"

using namespace cueball;
using namespace std::chrono_literals;
using namespace support;

namespace {

dns_options ask(const nameserver& server) {
  return {.service = "_web._tcp",
          .default_port = 80,
          .nameservers = {server.text()},
          .min_ttl = 5ms,
          .max_ttl = 20ms,
          .recovery = {.retries = 1, .timeout = 100ms, .delay = 5ms},
          .families = dns_families::v4};
}

dns_answer services(const dns_question& asked) {
  if (asked.type == 33)
    return {.answers = {srv(asked.name, "web1.test", 80), srv(asked.name, "web2.test", 80)}};
  return {.answers = {a(asked.name, "10.0.0.1"), a(asked.name, "10.0.0.2")}};
}

dns_answer addresses(const dns_question& asked) {
  if (asked.type == 33) return {.code = nxdomain};
  return {.answers = {a(asked.name, "10.0.0.1", 0)}};
}

dns_answer nothing(const dns_question&) {
  return {.code = nxdomain};
}

}  // namespace

TEST_CASE("the dns_resolver keeps the laws of resolvers") {
  const auto how = GENERATE(0, 1, 2);
  nameserver server{how == 0 ? services : how == 1 ? addresses : nothing};
  laws::check_resolver([&] { return dns_resolver{"svc.test", ask(server)}; });
}
