// SPDX-License-Identifier: BSL-1.0
/// \file
/// What services write about themselves into ZooKeeper and etcd, read.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <cueball/backend.hpp>

namespace cueball::detail {

/// A backend; or what is wrong with the data, as a sentence without its subject ("has no port: '...'"); or
/// neither: it is well-formed, and says that nothing is to be used.
struct reading {
  std::optional<backend> where{};
  std::string problem{};
};

/// More is refused unread. ZooKeeper and etcd themselves take about 1 MB.
inline constexpr std::size_t longest_datum = std::size_t{1} << 20U;

/// What one member of a group wrote: `host:port` (an IPv6 address in brackets), or JSON as Finagle's server
/// sets, as Curator's service discovery, or as `{"host" or "address", "port", "weight", "priority"}`.
/// \param endpoint which of a server set's `additionalEndpoints` is meant; empty: the `serviceEndpoint`
reading read_member(std::string_view data, std::string_view endpoint = {});

/// The state of a Manatee shard: the address in `primary.ip`, the port in `primary.pgUrl`. A `primary` of
/// null means that there is none.
reading read_primary(std::string_view data);

/// At most a few hundred characters of it, in quotes, with what does not print escaped: for messages.
std::string in_quotes(std::string_view data);

/// `10.0.0.1:80`, `[::1]:80`; nothing if it is malformed. The host is what stands there: a name or an
/// address.
struct host_and_port {
  std::string host;
  std::uint16_t port;
};
std::optional<host_and_port> split_host_and_port(std::string_view text);

}  // namespace cueball::detail
