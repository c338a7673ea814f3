// SPDX-License-Identifier: BSL-1.0
#include "discovery/gateway.hpp"

#include <array>
#include <charconv>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "discovery/data.hpp"

namespace json = boost::json;

namespace cueball::detail {

namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Thrown and caught in this file only.
struct malformed {
  std::string what;
};

const json::object* object_in(const json::object& in, std::string_view name) {
  const auto* const found = in.if_contains(name);
  return found ? found->if_object() : nullptr;
}

/// The gateway writes 64-bit numbers as strings, and leaves out those that are 0.
std::int64_t number(const json::object& in, std::string_view name) {
  const auto* const found = in.if_contains(name);
  if (!found) return 0;
  if (found->is_int64()) return found->get_int64();
  std::int64_t value = 0;
  if (const auto* const text = found->if_string()) {
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error == std::errc{} && end == text->data() + text->size()) return value;
  }
  throw malformed{"its \"" + std::string{name} + "\" is no number"};
}

bool flag(const json::object& in, std::string_view name) {
  const auto* const found = in.if_contains(name);
  return found && found->is_bool() && found->get_bool();
}

std::string bytes(const json::object& in, std::string_view name) {
  const auto* const found = in.if_contains(name);
  if (!found) return {};
  const auto* const text = found->if_string();
  auto decoded = text ? from_base64({text->data(), text->size()}) : std::nullopt;
  if (!decoded) throw malformed{"a \"" + std::string{name} + "\" is no base64"};
  return std::move(*decoded);
}

json::object object_of(std::string_view text) {
  boost::system::error_code error;
  auto value = json::parse(json::string_view{text.data(), text.size()}, error);
  if (error) throw malformed{"it is no JSON (" + error.message() + ")"};
  if (!value.is_object()) throw malformed{"it is JSON, but no object"};
  return std::move(value.get_object());
}

const json::array& array_in(const json::object& in, std::string_view name) {
  static const json::array none;
  const auto* const found = in.if_contains(name);
  if (!found || found->is_null()) return none;
  const auto* const array = found->if_array();
  if (!array) throw malformed{"its \"" + std::string{name} + "\" is no array"};
  return *array;
}

std::string key_of(const json::object& in) {
  auto key = bytes(in, "key");
  if (key.empty()) throw malformed{"a key is empty"};
  return key;
}

template <class Answer, class Read>
Answer guarded(std::string_view text, const Read& read) {
  try {
    return read();
  } catch (const malformed& bad) {
    return {.problem = bad.what + ": " + in_quotes(text)};
  }
}

}  // namespace

std::string to_base64(std::string_view in) {
  std::string out;
  out.reserve((in.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < in.size(); at += 3) {
    std::uint32_t three = 0;
    for (std::size_t i = 0; i < 3; ++i)
      three = three << 8U | (at + i < in.size() ? static_cast<unsigned char>(in[at + i]) : 0U);
    for (std::size_t i = 0; i < 4; ++i)
      out += at + i <= in.size() ? alphabet[three >> (18U - 6U * static_cast<unsigned>(i)) & 63U] : '=';
  }
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return {};
  std::string out;
  out.reserve(text.size() / 4 * 3);
  for (std::size_t at = 0; at < text.size(); at += 4) {
    std::uint32_t four = 0;
    std::size_t padding = 0;
    for (const char c : text.substr(at, 4)) {
      const auto digit = alphabet.find(c);
      if (c == '=')
        ++padding;
      else if (digit == alphabet.npos || padding > 0)
        return {};
      four = four << 6U | (c == '=' ? 0U : static_cast<std::uint32_t>(digit));
    }
    if (padding > 2 || (padding > 0 && at + 4 < text.size())) return {};
    for (std::size_t i = 0; i < 3 - padding; ++i)
      out += static_cast<char>(four >> (16U - 8U * static_cast<unsigned>(i)) & 255U);
  }
  return out;
}

std::string end_of_prefix(std::string_view prefix) {
  std::string end{prefix};
  while (!end.empty() && end.back() == '\xFF') end.pop_back();
  if (end.empty()) return std::string(1, '\0');  // to etcd: up to the last key
  end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

std::string range_request(std::string_view prefix) {
  return json::serialize(
      json::object{{"key", to_base64(prefix)}, {"range_end", to_base64(end_of_prefix(prefix))}});
}

std::string watch_request(std::string_view prefix, std::int64_t from_revision) {
  return json::serialize(
      json::object{{"create_request", json::object{{"key", to_base64(prefix)},
                                                   {"range_end", to_base64(end_of_prefix(prefix))},
                                                   {"start_revision", std::to_string(from_revision)}}}});
}

range_answer read_range(std::string_view text) {
  return guarded<range_answer>(text, [&] {
    const auto all = object_of(text);
    range_answer found;
    const auto* const header = object_in(all, "header");
    if (header) found.revision = number(*header, "revision");
    if (found.revision <= 0) throw malformed{"it has no revision"};
    if (flag(all, "more")) throw malformed{"it is not all"};
    for (const auto& each : array_in(all, "kvs")) {
      const auto* const pair = each.if_object();
      if (!pair) throw malformed{"one of its \"kvs\" is no object"};
      found.values.emplace_back(key_of(*pair), bytes(*pair, "value"));
    }
    return found;
  });
}

watch_answer read_watch(std::string_view line) {
  return guarded<watch_answer>(line, [&] {
    const auto all = object_of(line);
    const auto* const result = object_in(all, "result");
    if (!result) throw malformed{"it has no \"result\""};
    watch_answer found;
    found.is_created = flag(*result, "created");
    found.is_cancelled = flag(*result, "canceled");
    found.compact_revision = number(*result, "compact_revision");
    for (const auto& each : array_in(*result, "events")) {
      const auto* const event = each.if_object();
      const auto* const pair = event ? object_in(*event, "kv") : nullptr;
      if (!pair) throw malformed{"one of its \"events\" has no \"kv\""};
      // Left out, it is the first of its kind: PUT.
      const auto* const type = event->if_contains("type");
      if (type && *type != "PUT" && *type != "DELETE") throw malformed{"an event is of an unknown type"};
      if (type && *type == "DELETE")
        found.events.push_back({key_of(*pair), {}});
      else
        found.events.push_back({key_of(*pair), bytes(*pair, "value")});
    }
    return found;
  });
}

}  // namespace cueball::detail
