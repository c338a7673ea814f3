// SPDX-License-Identifier: BSL-1.0
/// \file
/// What a nameserver answered: a DNS message as typed records, and what it says about a question.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace cueball::dns {

enum class record_type : std::uint16_t { a = 1, ns = 2, cname = 5, soa = 6, aaaa = 28, srv = 33 };

/// "SRV"; "TYPE99" for those that nobody here asks for.
std::string name_of(record_type type);

/// The codes that matter here (RFC 1035, section 4.1.1).
enum class response_code : std::uint8_t {
  no_error = 0,
  format_error = 1,
  server_failure = 2,
  no_such_name = 3,
  not_implemented = 4,
  refused = 5,
};

std::string name_of(response_code code);

/// Of an A or AAAA record, as text.
struct address_data {
  std::string address;
  friend bool operator==(const address_data&, const address_data&) = default;
};

struct service_data {
  std::uint16_t priority = 0;
  std::uint16_t weight = 0;
  std::uint16_t port = 0;
  std::string target;
  friend bool operator==(const service_data&, const service_data&) = default;
};

struct alias_data {
  std::string target;
  friend bool operator==(const alias_data&, const alias_data&) = default;
};

struct authority_data {
  std::uint32_t minimum = 0;
  friend bool operator==(const authority_data&, const authority_data&) = default;
};

/// Names are in lower case and without the dot at the end; the root is ".". Bytes that no host name has are
/// escaped as `\DDD`.
struct record {
  std::string owner;
  record_type type{};

  /// In seconds; one that is above 2^31 - 1 counts as 0 (RFC 2181, section 8).
  std::uint32_t ttl = 0;

  /// Nothing for the types that have no structure here.
  std::variant<std::monostate, address_data, service_data, alias_data, authority_data> data;
};

struct message {
  response_code code{};
  bool truncated = false;
  std::vector<record> answers;
  std::vector<record> authorities;
  std::vector<record> additionals;
};

/// Reads a whole message, or nothing: of a malformed one no part is believed. Records of other classes than
/// IN are left out.
/// \param problem says what is wrong with the bytes when nothing is returned
std::optional<message> parse(std::span<const std::uint8_t> bytes, std::string& problem);

/// What a message says about one question.
struct finding {
  enum class kind {
    found,            ///< There are records.
    empty,            ///< The server knows that there are none.
    alias,            ///< There is another name, which the answer says nothing of.
    not_implemented,  ///< The server does not know the type.
    refused,          ///< The server does not want to say; to ask it again is pointless.
    failed,           ///< The server does not know.
  };

  kind what = kind::failed;

  /// The records asked for, where they are found.
  std::vector<record> records;

  /// Found: the shortest of the records and of the aliases that led to them. Empty: what the SOA says
  /// (RFC 2308, section 5), if there is one. An alias: of those that led to it.
  std::optional<std::uint32_t> ttl;

  /// The name to ask for, where there is an alias.
  std::string target;

  /// What the server said, where it failed.
  std::string text;
};

/// Follows the aliases in the answer, and believes no record whose owner was not asked for. Where they lead
/// to a name of which the answer neither has records nor denies them by a SOA, that is to be asked for (RFC
/// 1034, section 5.3.3, step 4c): a server that answers for its own zones only does not know what is beyond
/// them.
finding read(const message& answer, const std::string& name, record_type type);

/// More than any honest name has; they bound the work that a hostile one makes.
inline constexpr unsigned most_aliases = 16;

/// Addresses of `target` that came along, unasked, in the additional section. None if nothing is known: that
/// says not that there are none.
finding read_additional(const message& answer, const std::string& target, record_type type);

/// As names are compared here: in lower case, without the dot at the end.
std::string canonical(std::string name);

}  // namespace cueball::dns
