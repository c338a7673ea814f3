// SPDX-License-Identifier: BSL-1.0
/// \file
/// One provider of the service: where it is, and how it wants to be used.
#pragma once

#include <arpa/inet.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <cueball/error.hpp>

namespace cueball {

/// An aggregate: `{"127.0.0.1", 9001}` and `{.address = "::1", .port = 3, .weight = 5}` both are backends.
struct backend {
  /// An IPv4 or IPv6 address, or the path of a Unix socket (it starts with '/'). Never a host name: names are
  /// for resolvers.
  std::string address{};

  /// 1 to 65535; ignored for a Unix path.
  std::uint16_t port = 0;

  /// What the resolver calls it, if it has a name. Part of the key.
  std::string name{};

  /// Its share of the connections under `rebalance::weighted`; 0: none while another one has more.
  std::uint32_t weight = 1;

  /// Lower is better, as in SRV records: `rebalance::weighted` uses the best one that is live.
  std::uint32_t priority = 0;

  /// Whatever else the resolver knows; `make` may use it.
  std::map<std::string, std::string> attributes{};

  /// Readable, and unique per name, address and port: `10.0.0.1:80`, `db1@[::1]:5432`, `/run/db.sock`.
  std::string key() const;

  bool is_unix() const noexcept { return address.starts_with('/'); }

  friend bool operator==(const backend&, const backend&) = default;
};

namespace detail {

/// Percent-encodes `special` and '%', so that a key can be read in one way only.
inline void append_escaped(std::string& out, std::string_view text, std::string_view special) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  for (const char c : text) {
    if (c == '%' || special.find(c) != special.npos) {
      const auto byte = static_cast<unsigned char>(c);
      out += {'%', digits[byte >> 4U], digits[byte & 15U]};
    } else {
      out += c;
    }
  }
}

inline bool is_ip_address(std::string address) {
  if (address.find('\0') != address.npos) return false;
  unsigned char bytes[sizeof(in6_addr)];
  if (::inet_pton(AF_INET, address.c_str(), bytes) == 1) return true;
  if (const auto scope = address.find('%'); scope != address.npos && scope + 1 < address.size())
    address.resize(scope);
  return ::inet_pton(AF_INET6, address.c_str(), bytes) == 1;
}

}  // namespace detail

inline std::string backend::key() const {
  std::string key;
  if (!name.empty()) {
    detail::append_escaped(key, name, "@/");
    key += '@';
  }
  if (address.find(':') != address.npos && !is_unix()) {
    key += '[';
    detail::append_escaped(key, address, "@[]");
    key += ']';
  } else {
    detail::append_escaped(key, address, "@:");
  }
  if (port != 0 || !is_unix()) {
    key += ':';
    key += std::to_string(port);
  }
  return key;
}

/// What is wrong with `where`, as a sentence that names the value; empty if nothing is.
inline std::string problem_with(const backend& where) {
  constexpr std::size_t longest_unix_path = 107;
  if (where.address.empty()) return "the backend '" + where.key() + "' has an empty address";
  if (where.is_unix()) {
    if (where.address.size() <= longest_unix_path && where.address.find('\0') == std::string::npos) return {};
    return "the backend '" + where.key() + "' has a Unix path that is too long or contains a zero byte";
  }
  if (!detail::is_ip_address(where.address))
    return "the backend '" + where.key() + "' has the address '" + where.address +
           "', which is neither an IP address nor a Unix path";
  if (where.port == 0) return "the backend '" + where.key() + "' has port 0";
  return {};
}

/// Throws `std::system_error` (`errc::bad_backend`) with `problem_with(where)` unless that is empty.
inline void check(const backend& where) {
  if (const auto problem = problem_with(where); !problem.empty()) throw_error(errc::bad_backend, problem);
}

}  // namespace cueball
