// SPDX-License-Identifier: BSL-1.0
/// \file
/// A pool whose servers are found in DNS: both that have an SRV record get half of the connections.
#include <chrono>
#include <iostream>

#include <cueball/cueball.hpp>
#include <cueball/dns_resolver.hpp>

#include "line_server.hpp"
#include "small_nameserver.hpp"

using namespace std::chrono_literals;

int main() {
  const examples::line_server first, second;
  const examples::small_nameserver nameserver{{first.port(), second.port()}};  // stands for the real one

  cueball::dns_resolver resolver{
      "shop.test",
      {.service = "_echo._tcp",                  // the SRV records of _echo._tcp.shop.test
       .default_port = 7,                        // of shop.test itself, if there are none
       .nameservers = {nameserver.address()}}};  // leave this out to ask the system's
  cueball::pool<cueball::tcp_connection> pool{std::move(resolver), {.max_connections = 4}};
  pool.wait_ready(4, 5s);

  bool right = true;
  for (const auto& row : pool.stats().backends) {
    std::cout << row.where.key() << " has " << row.slots.idle << " connections\n";
    right = right && row.where.name == "here.test" && row.slots.idle == 2;
  }
  return right && pool.stats().backends.size() == 2 ? 0 : 1;
}
