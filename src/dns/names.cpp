// SPDX-License-Identifier: BSL-1.0
#include "names.hpp"

#include <ares.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <resolv.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include <cueball/backend.hpp>

#include "library.hpp"

namespace cueball::dns {

namespace {

bool is_letter_or_digit(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string problem_with_label(std::string_view label) {
  if (label.empty()) return "has an empty label";
  if (label.size() > 63) return "has a label of more than 63 characters";
  if (label.front() == '-' || label.back() == '-') return "has a label that begins or ends with '-'";
  for (const char c : label)
    if (!is_letter_or_digit(c) && c != '-' && c != '_')
      return "has a character other than letters, digits, '-' and '_'";
  return {};
}

std::optional<std::uint16_t> read_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0) return {};
  return port;
}

}  // namespace

std::string problem_with_name(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty()) return "is empty";
  if (name.size() > 253) return "is longer than 253 characters";
  for (;;) {
    const auto dot = name.find('.');
    if (auto problem = problem_with_label(name.substr(0, dot)); !problem.empty()) return problem;
    if (dot == name.npos) return {};
    name.remove_prefix(dot + 1);
  }
}

std::string problem_with_service(std::string_view service) {
  const auto dot = service.find('.');
  if (dot == service.npos || service.find('.', dot + 1) != service.npos || !service.starts_with('_') ||
      service[dot + 1] != '_' || dot == 1 || dot + 2 == service.size())
    return "is not of the form '_service._protocol'";
  return problem_with_name(service);
}

std::string nameserver::text() const {
  const bool v6 = address.find(':') != address.npos;
  return (v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

std::optional<nameserver> read_nameserver(std::string_view entry) {
  nameserver out;
  auto host = entry;
  std::optional<std::string_view> port;
  if (entry.starts_with('[')) {
    const auto close = entry.find(']');
    if (close == entry.npos) return {};
    host = entry.substr(1, close - 1);
    if (host.find(':') == host.npos) return {};
    const auto rest = entry.substr(close + 1);
    if (!rest.empty()) {
      if (rest.front() != ':') return {};
      port = rest.substr(1);
    }
  } else if (const auto colon = entry.find(':'); colon != entry.npos && colon == entry.rfind(':')) {
    host = entry.substr(0, colon);
    port = entry.substr(colon + 1);
  }
  if (port) {
    const auto number = read_port(*port);
    if (!number) return {};
    out.port = *number;
  }
  out.address = host;
  if (!cueball::detail::is_ip_address(out.address)) return {};
  return out;
}

std::vector<std::string> search_list::candidates(const std::string& name) const {
  if (name.ends_with('.')) return {name};
  std::vector<std::string> out;
  for (const auto& domain : domains) {
    auto longer = name + "." + domain;
    if (problem_with_name(longer).empty()) out.push_back(std::move(longer));
  }
  const auto count = static_cast<std::size_t>(std::count(name.begin(), name.end(), '.'));
  out.insert(count >= dots ? out.begin() : out.end(), name);
  return out;
}

search_list system_search_list() {
  search_list out;
  struct __res_state state;
  std::memset(&state, 0, sizeof state);
  if (::res_ninit(&state) != 0) return out;
  out.dots = state.ndots;
  for (const auto* const domain : state.dnsrch) {
    if (!domain) break;
    if (problem_with_name(domain).empty()) out.domains.emplace_back(domain);
  }
  ::res_nclose(&state);
  return out;
}

std::vector<std::string> system_nameservers_skipped() {
  constexpr std::size_t longest = 60;
  std::vector<std::string> out;
  std::ifstream file{_PATH_RESCONF};
  for (std::string line; std::getline(file, line);) {
    std::istringstream words{line};
    std::string keyword, address;
    words >> keyword >> address;
    if (keyword != "nameserver" || cueball::detail::is_ip_address(address)) continue;
    if (address.size() > longest) address = address.substr(0, longest) + "...";
    std::replace_if(address.begin(), address.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    out.push_back(std::move(address));
  }
  return out;
}

#ifdef __GLIBC__

// c-ares 1.18 drops those whose address holds for one link only.
std::vector<nameserver> system_nameservers() {
  std::vector<nameserver> out;
  struct __res_state state;
  std::memset(&state, 0, sizeof state);
  if (::res_ninit(&state) != 0) return out;
  for (int i = 0; i < std::min(state.nscount, MAXNS); ++i) {
    char text[INET6_ADDRSTRLEN];
    if (const auto& v4 = state.nsaddr_list[i]; v4.sin_family == AF_INET) {
      if (::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text)) out.push_back({text, ntohs(v4.sin_port)});
    } else if (const auto* const v6 = state._u._ext.nsaddrs[i]) {
      if (!::inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text)) continue;
      std::string address = text;
      if (const auto scope = v6->sin6_scope_id; scope != 0) {
        char name[IF_NAMESIZE];
        address += '%' + (::if_indextoname(scope, name) ? name : std::to_string(scope));
      }
      out.push_back({std::move(address), ntohs(v6->sin6_port)});
    }
  }
  ::res_nclose(&state);
  return out;
}

#else

std::vector<nameserver> system_nameservers() {
  std::vector<nameserver> out;
  const library in_use;
  ares_channel channel = nullptr;
  if (::ares_init(&channel) != ARES_SUCCESS) return out;
  ares_addr_port_node* servers = nullptr;
  if (::ares_get_servers_ports(channel, &servers) == ARES_SUCCESS) {
    for (const auto* each = servers; each; each = each->next) {
      char text[INET6_ADDRSTRLEN];
      if (!::inet_ntop(each->family, &each->addr, text, sizeof text)) continue;
      const auto port = each->udp_port;
      out.push_back({text, static_cast<std::uint16_t>(port > 0 && port <= 65535 ? port : 53)});
    }
    ::ares_free_data(servers);
  }
  ::ares_destroy(channel);
  return out;
}

#endif

}  // namespace cueball::dns
