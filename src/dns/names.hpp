// SPDX-License-Identifier: BSL-1.0
/// \file
/// Host names, names of services and nameservers as users write them, and what the system is configured to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cueball::dns {

/// What is wrong with it, as the rest of a sentence ("has an empty label"); empty if nothing is. A dot at the
/// end is allowed; '_' too, since names of services have it.
std::string problem_with_name(std::string_view name);

/// As `_http._tcp`.
std::string problem_with_service(std::string_view service);

/// One server, by its address.
struct nameserver {
  std::string address;
  std::uint16_t port = 53;

  /// `10.0.0.1:53`, `[::1]:5353`.
  std::string text() const;

  friend bool operator==(const nameserver&, const nameserver&) = default;
};

/// Reads `10.0.0.1`, `10.0.0.1:5353`, `::1`, `[::1]` or `[::1]:5353`; nothing if it is none of these.
std::optional<nameserver> read_nameserver(std::string_view entry);

/// Which names are tried in place of one without a dot at the end.
struct search_list {
  std::vector<std::string> domains;
  unsigned dots = 1;  ///< A name with so many dots is tried as it is before the domains, else behind them.

  /// In the order in which they are tried.
  std::vector<std::string> candidates(const std::string& name) const;
};

/// As /etc/resolv.conf and its environment variables have them. All read small files, and never throw for
/// what is in them.
search_list system_search_list();
std::vector<nameserver> system_nameservers();

/// What stands in /etc/resolv.conf for a nameserver and is none, fit to be printed.
std::vector<std::string> system_nameservers_skipped();

}  // namespace cueball::dns
