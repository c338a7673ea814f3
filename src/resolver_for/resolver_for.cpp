// SPDX-License-Identifier: BSL-1.0
#include <cueball/resolver_for.hpp>

#include <charconv>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <cueball/backend.hpp>
#include <cueball/error.hpp>
#include <cueball/fallback_resolver.hpp>
#include <cueball/static_resolver.hpp>

#ifdef CUEBALL_WITH_DNS
#include <cueball/dns_resolver.hpp>
#endif
#ifdef CUEBALL_WITH_ETCD
#include <cueball/etcd_resolver.hpp>
#endif
#ifdef CUEBALL_WITH_ZOOKEEPER
#include <cueball/zookeeper_resolver.hpp>
#endif

namespace cueball {

namespace {

[[noreturn]] void refuse(std::string_view part, const std::string& problem) {
  throw_error(errc::bad_argument, "resolver_for: '" + std::string{part} + "' " + problem);
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const auto begin = text.find_first_not_of(blanks);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) + 1 - begin);
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (auto end = text.find(at); end != text.npos; end = text.find(at)) {
    parts.push_back(trimmed(text.substr(0, end)));
    text.remove_prefix(end + 1);
  }
  parts.push_back(trimmed(text));
  return parts;
}

/// A host, and the port behind it if there is one. An IPv6 address with a port has brackets.
struct place {
  std::string host;
  std::optional<std::uint16_t> port;
};

std::uint16_t port_of(std::string_view digits, std::string_view whole) {
  unsigned port = 0;
  const auto* const end = digits.data() + digits.size();
  const auto [rest, error] = std::from_chars(digits.data(), end, port);
  if (error != std::errc{} || rest != end || port < 1 || port > 65535)
    refuse(whole, "has the port '" + std::string{digits} + "'; it must be 1 to 65535");
  return static_cast<std::uint16_t>(port);
}

place place_of(std::string_view text) {
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == text.npos) refuse(text, "has a '[' without a ']'");
    const auto rest = text.substr(end + 1);
    place found{std::string{text.substr(1, end - 1)}, std::nullopt};
    if (rest.empty()) return found;
    if (!rest.starts_with(':')) refuse(text, "goes on behind its ']'");
    found.port = port_of(rest.substr(1), text);
    return found;
  }
  const auto colon = text.find(':');
  if (colon == text.npos || text.find(':', colon + 1) != text.npos)  // none, or an IPv6 address alone
    return {std::string{text}, std::nullopt};
  return {std::string{text.substr(0, colon)}, port_of(text.substr(colon + 1), text)};
}

bool looks_like_an_address(const place& where) {
  return where.host.starts_with('/') || detail::is_ip_address(where.host);
}

any_resolver static_from(const std::vector<std::string_view>& parts, resolver_defaults defaults) {
  std::vector<backend> all;
  for (const auto part : parts) {
    if (part.empty()) refuse(part, "is no address: there is a comma too many");
    if (part.starts_with('/')) {
      all.push_back({.address = std::string{part}});
    } else {
      auto [host, port] = place_of(part);
      if (!detail::is_ip_address(host))
        refuse(part, "is a name, or a malformed address; in a list there are addresses only");
      if (!port && defaults.port == 0) refuse(part, "has no port, and there is no default");
      all.push_back({.address = std::move(host), .port = port.value_or(defaults.port)});
    }
    if (const auto problem = problem_with(all.back()); !problem.empty()) refuse(part, "is wrong: " + problem);
  }
  return any_resolver{static_resolver{std::move(all)}};
}

[[noreturn]] [[maybe_unused]] void lack(std::string_view address, const char* what) {
  refuse(address, std::string{"needs "} + what + ", which this build is without");
}

any_resolver dns_from(std::string_view address, std::string_view rest, [[maybe_unused]] bool srv,
                      [[maybe_unused]] resolver_defaults defaults) {
#ifdef CUEBALL_WITH_DNS
  dns_options options;
  if (const auto mark = rest.find('?'); mark != rest.npos) {
    const auto query = rest.substr(mark + 1);
    constexpr std::string_view key = "nameservers=";
    if (!query.starts_with(key)) refuse(query, "is not understood; there may be 'nameservers=...'");
    for (const auto one : split(query.substr(key.size()), ',')) options.nameservers.emplace_back(one);
    rest = rest.substr(0, mark);
  }
  auto [host, port] = place_of(rest);
  if (srv) {
    // _service._proto.domain
    const auto first = host.find('.');
    const auto second = first == host.npos ? host.npos : host.find('.', first + 1);
    if (!host.starts_with('_') || second == host.npos || host[first + 1] != '_')
      refuse(address, "does not name a service, as in dns+srv://_http._tcp.example.com");
    options.service = host.substr(0, second);
    host.erase(0, second + 1);
    options.default_port = port.value_or(defaults.port);
  } else {
    if (!port && defaults.port == 0) refuse(address, "has no port, and there is no default");
    options.default_port = port.value_or(defaults.port);
  }
  return any_resolver{dns_resolver{std::move(host), std::move(options)}};
#else
  (void)rest;
  lack(address, "DNS");
#endif
}

/// Servers, without the blanks around them, and the path behind them.
[[maybe_unused]] std::pair<std::string, std::string> servers_and_path(std::string_view address,
                                                                      std::string_view rest) {
  const auto slash = rest.find('/');
  if (slash == 0 || rest.empty()) refuse(address, "names no servers");
  if (slash == rest.npos) refuse(address, "has no path behind its servers");
  std::string servers;
  for (const auto one : split(rest.substr(0, slash), ',')) servers.append(one).append(",");
  servers.pop_back();
  return {std::move(servers), std::string{rest.substr(slash)}};
}

any_resolver zookeeper_from(std::string_view address, [[maybe_unused]] std::string_view rest,
                            [[maybe_unused]] bool primary) {
#ifdef CUEBALL_WITH_ZOOKEEPER
  auto [servers, path] = servers_and_path(address, rest);
  return any_resolver{
      zookeeper_resolver{{.servers = std::move(servers),
                          .path = std::move(path),
                          .mode = primary ? zookeeper_mode::primary : zookeeper_mode::children}}};
#else
  lack(address, "ZooKeeper");
#endif
}

any_resolver etcd_from(std::string_view address, [[maybe_unused]] std::string_view rest) {
#ifdef CUEBALL_WITH_ETCD
  auto [endpoints, prefix] = servers_and_path(address, rest);
  return any_resolver{etcd_resolver{{.endpoints = std::move(endpoints), .prefix = std::move(prefix)}}};
#else
  lack(address, "etcd");
#endif
}

any_resolver one_for(std::string_view address, resolver_defaults defaults) {
  if (address.empty()) refuse(address, "is no address");
  // A path may have "://" in it, but not before its first slash.
  if (const auto mark = address.find("://"); mark != address.npos && mark < address.find('/')) {
    const auto scheme = address.substr(0, mark);
    const auto rest = address.substr(mark + 3);
    if (scheme == "dns") return dns_from(address, rest, false, defaults);
    if (scheme == "dns+srv") return dns_from(address, rest, true, defaults);
    if (scheme == "zookeeper") return zookeeper_from(address, rest, false);
    if (scheme == "zookeeper+primary") return zookeeper_from(address, rest, true);
    if (scheme == "etcd") return etcd_from(address, rest);
    refuse(scheme, "is no scheme; there are dns, dns+srv, zookeeper, zookeeper+primary and etcd");
  }
  const auto parts = split(address.substr(0, address.find('?')), ',');
  if (parts.size() == 1 && !address.starts_with('/') && !looks_like_an_address(place_of(parts.front())))
    return dns_from(address, address, false, defaults);
  return static_from(split(address, ','), defaults);
}

}  // namespace

any_resolver resolver_for(std::string_view address, resolver_defaults defaults) {
  std::vector<any_resolver> all;
  for (const auto part : split(address, '|')) all.push_back(one_for(part, defaults));
  if (all.size() == 1) return std::move(all.front());
  return any_resolver{fallback_resolver{std::move(all)}};
}

}  // namespace cueball
