// SPDX-License-Identifier: BSL-1.0
/// \file
/// resolver_for: a resolver from a string, as it stands in a configuration.
#pragma once

#include <cstdint>
#include <string_view>

#include <cueball/any_resolver.hpp>

namespace cueball {

/// What an address leaves open.
struct resolver_defaults {
  /// Of hosts that are written without one. 0: they are refused.
  std::uint16_t port = 0;
};

/// One of
///
/// | address | resolver |
/// | --- | --- |
/// | `10.0.0.1:5432,10.0.0.2:5432`, `[::1]:80`, `/run/db.sock` | `static_resolver` |
/// | `db.example.com:5432`, `dns://db.example.com:5432` | `dns_resolver`: the addresses of the name |
/// | `dns+srv://_http._tcp.example.com`, with `:80` where there may be no SRV records | `dns_resolver` |
/// | `zookeeper://h1:2181,h2:2181/services/web` | `zookeeper_resolver`: the node's children |
/// | `zookeeper+primary://h1:2181,h2:2181/manatee/1/state` | `zookeeper_resolver`: Manatee's primary |
/// | `etcd://h1:2379,h2:2379/services/web/` | `etcd_resolver`: the keys that begin with `/services/web/` |
///
/// or several of them with `|` between: a `fallback_resolver`, which tries them in order. Behind an address
/// of DNS there may be `?nameservers=10.0.0.1:53,10.0.0.2`. All other options are the resolvers' defaults.
///
/// Throws `std::system_error` that names the part that is wrong (`errc::bad_argument`, or as the resolver
/// that is meant refuses it); also where this build lacks the resolver. Link `cueball-resolvers`.
any_resolver resolver_for(std::string_view address, resolver_defaults defaults = {});

}  // namespace cueball
