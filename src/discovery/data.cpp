// SPDX-License-Identifier: BSL-1.0
#include "discovery/data.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

namespace json = boost::json;

namespace cueball::detail {

namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view space = " \t\r\n";
  const auto first = text.find_first_not_of(space);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(space) - first + 1);
}

std::optional<std::uint16_t> port_of(std::string_view digits) {
  std::uint32_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size() || port < 1 || port > 65535) return {};
  return static_cast<std::uint16_t>(port);
}

/// Thrown and caught in this file only.
struct malformed {
  std::string what;
};

/// The member of that name, or null where there is none.
const json::value* member(const json::object& in, std::string_view name) {
  const auto* const found = in.if_contains(name);
  return found && !found->is_null() ? found : nullptr;
}

/// A whole number from `least` to `most`, `otherwise` where there is none.
std::uint64_t number(const json::object& in, std::string_view name, std::uint64_t least, std::uint64_t most,
                     std::optional<std::uint64_t> otherwise) {
  const auto* const found = member(in, name);
  if (!found) {
    if (otherwise) return *otherwise;
    throw malformed{"has no \"" + std::string{name} + "\""};
  }
  std::uint64_t value = 0;
  if (found->is_uint64())
    value = found->get_uint64();
  else if (found->is_int64() && found->get_int64() >= 0)
    value = static_cast<std::uint64_t>(found->get_int64());
  else
    throw malformed{"has a \"" + std::string{name} + "\" that is no whole number"};
  if (value < least || value > most)
    throw malformed{"has a \"" + std::string{name} + "\" out of " + std::to_string(least) + " to " +
                    std::to_string(most)};
  return value;
}

std::string text(const json::object& in, std::string_view name) {
  const auto* const found = member(in, name);
  if (!found) throw malformed{"has no \"" + std::string{name} + "\""};
  const auto* const string = found->if_string();
  if (!string) throw malformed{"has a \"" + std::string{name} + "\" that is no string"};
  return {string->data(), string->size()};
}

backend checked(backend where) {
  if (where.is_unix() || !is_ip_address(where.address))
    throw malformed{"names the host " + in_quotes(where.address) +
                    ", which is no IP address (names are for DNS)"};
  return where;
}

backend endpoint_of(const json::object& in, std::string_view host) {
  const std::string address = text(in, host);
  const auto port = static_cast<std::uint16_t>(number(in, "port", 1, 65535, {}));
  return checked({.address = address, .port = port});
}

const json::object& object_in(const json::object& in, std::string_view name) {
  const auto* const found = member(in, name);
  const auto* const object = found ? found->if_object() : nullptr;
  if (!object)
    throw malformed{(found ? "has a \"" : "has no \"") + std::string{name} + '"' +
                    (found ? " that is no object" : "")};
  return *object;
}

/// Finagle's server sets.
std::optional<backend> server_set_member(const json::object& in, std::string_view endpoint) {
  if (member(in, "status") && text(in, "status") != "ALIVE") return {};
  return endpoint_of(endpoint.empty() ? object_in(in, "serviceEndpoint")
                                      : object_in(object_in(in, "additionalEndpoints"), endpoint),
                     "host");
}

/// Curator's service discovery, or what people write by hand.
std::optional<backend> plain_member(const json::object& in) {
  if (const auto* const enabled = member(in, "enabled")) {
    if (!enabled->is_bool()) throw malformed{"has an \"enabled\" that is neither true nor false"};
    if (!enabled->get_bool()) return {};
  }
  auto where = endpoint_of(in, member(in, "host") ? "host" : "address");
  where.weight = static_cast<std::uint32_t>(number(in, "weight", 0, UINT32_MAX, 1));
  where.priority = static_cast<std::uint32_t>(number(in, "priority", 0, UINT32_MAX, 0));
  return where;
}

json::object object_of(std::string_view data) {
  boost::system::error_code error;
  auto value = json::parse(json::string_view{data.data(), data.size()}, error);
  if (error) throw malformed{"is no JSON (" + error.message() + ")"};
  if (!value.is_object()) throw malformed{"is JSON, but no object"};
  return std::move(value.get_object());
}

/// The port of `tcp://user@host:port/database`.
std::uint16_t port_of_url(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == url.npos) throw malformed{"has a \"pgUrl\" that is no URL"};
  auto authority = url.substr(scheme + 3);
  authority = authority.substr(0, authority.find_first_of("/?#"));
  if (const auto user = authority.rfind('@'); user != authority.npos) authority.remove_prefix(user + 1);
  const auto there = split_host_and_port(authority);
  if (!there) throw malformed{"has a \"pgUrl\" without a port"};
  return there->port;
}

template <class Read>
reading guarded(std::string_view data, const Read& read) {
  if (data.size() > longest_datum)
    return {.problem = "has " + std::to_string(data.size()) + " bytes of data; more than " +
                       std::to_string(longest_datum) + " are not read"};
  if (trimmed(data).empty()) return {.problem = "has no data"};
  try {
    return {.where = read()};
  } catch (const malformed& bad) {
    return {.problem = bad.what + ": " + in_quotes(data)};
  }
}

}  // namespace

std::string in_quotes(std::string_view data) {
  constexpr std::size_t most = 300;
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out = "'";
  for (const char c : data.substr(0, most)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7F)
      out += c;
    else
      out += {'\\', 'x', digits[byte >> 4U], digits[byte & 15U]};
  }
  out += '\'';
  if (data.size() > most) out += " (and " + std::to_string(data.size() - most) + " bytes more)";
  return out;
}

std::optional<host_and_port> split_host_and_port(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == text.npos || colon == 0) return {};
  const auto port = port_of(text.substr(colon + 1));
  auto host = text.substr(0, colon);
  if (host.front() == '[') {
    if (host.back() != ']') return {};
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != host.npos) {
    return {};  // an IPv6 address without brackets: where it ends, nobody knows
  }
  if (!port || host.empty()) return {};
  return host_and_port{std::string{host}, *port};
}

reading read_member(std::string_view data, std::string_view endpoint) {
  return guarded(data, [&]() -> std::optional<backend> {
    const auto text = trimmed(data);
    if (text.front() == '{') {
      const auto object = object_of(text);
      if (!endpoint.empty() || object.contains("serviceEndpoint")) return server_set_member(object, endpoint);
      return plain_member(object);
    }
    const auto there = split_host_and_port(text);
    if (!there) throw malformed{"is neither host:port nor a JSON object"};
    return checked({.address = there->host, .port = there->port});
  });
}

reading read_primary(std::string_view data) {
  return guarded(data, [&]() -> std::optional<backend> {
    const auto state = object_of(trimmed(data));
    const auto* const primary = state.if_contains("primary");
    if (primary && primary->is_null()) return {};
    const auto& found = object_in(state, "primary");
    return checked({.address = text(found, "ip"), .port = port_of_url(text(found, "pgUrl"))});
  });
}

}  // namespace cueball::detail
