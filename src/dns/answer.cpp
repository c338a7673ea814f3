// SPDX-License-Identifier: BSL-1.0
#include "answer.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace cueball::dns {

namespace {

constexpr std::size_t longest_name = 255;

// More than any honest answer has; it bounds the work that a hostile one makes.
constexpr unsigned most_pointers = 64;

constexpr std::uint16_t class_in = 1;

struct malformed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

bool is_plain(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

class reader {
 public:
  explicit reader(std::span<const std::uint8_t> bytes) noexcept : bytes_(bytes) {}

  std::size_t position() const noexcept { return position_; }
  void go_to(std::size_t position) noexcept { position_ = position; }

  std::uint8_t byte() {
    need(1);
    return bytes_[position_++];
  }

  std::uint16_t word() {
    const unsigned high = byte();
    return static_cast<std::uint16_t>(high << 8U | byte());
  }

  std::uint32_t long_word() {
    const std::uint32_t high = word();
    return high << 16U | word();
  }

  std::span<const std::uint8_t> take(std::size_t size) {
    need(size);
    position_ += size;
    return bytes_.subspan(position_ - size, size);
  }

  void need(std::size_t size) const {
    if (bytes_.size() - position_ < size) throw malformed{"the message ends too early"};
  }

  /// A pointer leads only to what stands before all that was read of the name, so that no name loops.
  std::string name() {
    std::string text;
    std::size_t octets = 1;
    std::size_t earliest = position_;
    std::optional<std::size_t> behind;
    unsigned pointers = 0;
    for (;;) {
      const unsigned length = byte();
      if ((length & 0xC0U) == 0xC0U) {
        const std::size_t to = (length & 0x3FU) << 8U | byte();
        if (!behind) behind = position_;
        if (to >= earliest) throw malformed{"a name points forward, or to itself"};
        if (++pointers > most_pointers) throw malformed{"a name has too many pointers"};
        earliest = position_ = to;
        continue;
      }
      if (length > 63) throw malformed{"a label has an unknown type"};
      if (length == 0) break;
      octets += length + 1;
      if (octets > longest_name) throw malformed{"a name is longer than 255 bytes"};
      if (!text.empty()) text += '.';
      for (const auto each : take(length)) append(text, each);
    }
    if (behind) position_ = *behind;
    if (text.empty()) text = ".";
    return text;
  }

 private:
  static void append(std::string& text, std::uint8_t each) {
    const char c = lower(static_cast<char>(each));
    if (is_plain(c)) {
      text += c;
      return;
    }
    text += '\\';
    text += static_cast<char>('0' + each / 100);
    text += static_cast<char>('0' + each / 10 % 10);
    text += static_cast<char>('0' + each % 10);
  }

  std::span<const std::uint8_t> bytes_;
  std::size_t position_ = 0;
};

std::string address_text(int family, std::span<const std::uint8_t> bytes, std::size_t size) {
  if (bytes.size() != size) throw malformed{"an address has the wrong size"};
  char text[INET6_ADDRSTRLEN];
  return ::inet_ntop(family, bytes.data(), text, sizeof text);
}

/// Reads one; false if it is of a class that does not matter.
bool read_record(reader& in, record& out) {
  out.owner = in.name();
  out.type = static_cast<record_type>(in.word());
  const auto of_class = in.word();
  const auto ttl = in.long_word();
  out.ttl = ttl > INT32_MAX ? 0 : ttl;
  const std::size_t size = in.word();
  in.need(size);
  const auto end = in.position() + size;
  if (of_class == class_in) {
    switch (out.type) {
      case record_type::a:
        out.data = address_data{address_text(AF_INET, in.take(size), sizeof(in_addr))};
        break;
      case record_type::aaaa:
        out.data = address_data{address_text(AF_INET6, in.take(size), sizeof(in6_addr))};
        break;
      case record_type::cname:
        out.data = alias_data{in.name()};
        break;
      case record_type::srv: {
        service_data service;
        service.priority = in.word();
        service.weight = in.word();
        service.port = in.word();
        service.target = in.name();
        out.data = std::move(service);
        break;
      }
      case record_type::soa:
        in.name();
        in.name();
        in.take(4 * sizeof(std::uint32_t));
        out.data = authority_data{in.long_word()};
        break;
      default:
        in.take(size);
    }
    if (in.position() != end) throw malformed{"a record has the wrong size"};
  }
  in.go_to(end);
  return of_class == class_in;
}

std::vector<record> read_section(reader& in, unsigned count) {
  std::vector<record> records;
  for (; count > 0; --count) {
    record one;
    if (read_record(in, one)) records.push_back(std::move(one));
  }
  return records;
}

/// What an answer without records is known for, in seconds.
std::optional<std::uint32_t> negative_ttl(const message& answer) {
  for (const auto& each : answer.authorities)
    if (const auto* const soa = std::get_if<authority_data>(&each.data)) {
      const auto minimum = soa->minimum > INT32_MAX ? 0 : soa->minimum;
      return std::min(each.ttl, minimum);
    }
  return {};
}

/// The name where the aliases of `name` end; nothing if they are too many, or form a circle.
std::optional<std::string> follow(const message& answer, std::string name,
                                  std::optional<std::uint32_t>& ttl) {
  for (unsigned steps = 0; steps <= most_aliases; ++steps) {
    const auto alias = std::find_if(answer.answers.begin(), answer.answers.end(), [&](const record& each) {
      return each.owner == name && std::holds_alternative<alias_data>(each.data);
    });
    if (alias == answer.answers.end()) return name;
    ttl = std::min(ttl.value_or(alias->ttl), alias->ttl);
    name = std::get<alias_data>(alias->data).target;
  }
  return {};
}

void select(const std::vector<record>& from, const std::string& name, record_type type, finding& into) {
  for (const auto& each : from)
    if (each.type == type && each.owner == name) {
      into.ttl = std::min(into.ttl.value_or(each.ttl), each.ttl);
      into.records.push_back(each);
    }
  if (!into.records.empty()) into.what = finding::kind::found;
}

}  // namespace

std::string name_of(record_type type) {
  switch (type) {
    case record_type::a:
      return "A";
    case record_type::ns:
      return "NS";
    case record_type::cname:
      return "CNAME";
    case record_type::soa:
      return "SOA";
    case record_type::aaaa:
      return "AAAA";
    case record_type::srv:
      return "SRV";
  }
  return "TYPE" + std::to_string(static_cast<unsigned>(type));
}

std::string name_of(response_code code) {
  switch (code) {
    case response_code::no_error:
      return "NOERROR";
    case response_code::format_error:
      return "FORMERR";
    case response_code::server_failure:
      return "SERVFAIL";
    case response_code::no_such_name:
      return "NXDOMAIN";
    case response_code::not_implemented:
      return "NOTIMP";
    case response_code::refused:
      return "REFUSED";
  }
  return "RCODE" + std::to_string(static_cast<unsigned>(code));
}

std::string canonical(std::string name) {
  if (name.size() > 1 && name.ends_with('.')) name.pop_back();
  std::transform(name.begin(), name.end(), name.begin(), lower);
  return name;
}

std::optional<message> parse(std::span<const std::uint8_t> bytes, std::string& problem) {
  try {
    reader in{bytes};
    message out;
    in.word();  // which question it answers was compared when it was received
    const unsigned flags = in.word();
    if ((flags & 0x8000U) == 0) throw malformed{"the message is a question"};
    out.truncated = (flags & 0x0200U) != 0;
    out.code = static_cast<response_code>(flags & 0xFU);
    const unsigned questions = in.word();
    const unsigned answers = in.word();
    const unsigned authorities = in.word();
    const unsigned additionals = in.word();
    for (unsigned i = 0; i < questions; ++i) {
      in.name();
      in.long_word();
    }
    out.answers = read_section(in, answers);
    out.authorities = read_section(in, authorities);
    out.additionals = read_section(in, additionals);
    return out;
  } catch (const malformed& what) {
    problem = what.what();
    return {};
  }
}

finding read(const message& answer, const std::string& name, record_type type) {
  using kind = finding::kind;
  finding out;
  if (answer.code == response_code::not_implemented || answer.code == response_code::refused) {
    out.what = answer.code == response_code::refused ? kind::refused : kind::not_implemented;
    out.text = name_of(answer.code);
    return out;
  }
  if (answer.code != response_code::no_error && answer.code != response_code::no_such_name) {
    out.text = name_of(answer.code);
    return out;
  }
  if (answer.truncated) {
    out.text = "the answer is truncated";
    return out;
  }
  const auto end = follow(answer, canonical(name), out.ttl);
  if (!end) {
    out.text = "the aliases in the answer do not end";
    return out;
  }
  select(answer.answers, *end, type, out);
  if (out.what == kind::found) return out;

  const auto soa = negative_ttl(answer);
  if (answer.code == response_code::no_error && !soa && *end != canonical(name)) {
    out.what = kind::alias;
    out.target = *end;
    return out;
  }
  const bool refers = std::any_of(answer.authorities.begin(), answer.authorities.end(),
                                  [](const record& each) { return each.type == record_type::ns; });
  if (answer.code == response_code::no_error && !soa && refers) {
    out.ttl.reset();
    out.text = "the server does not answer for others, but refers to another one";
    return out;
  }
  out.what = kind::empty;
  if (soa) out.ttl = std::min(out.ttl.value_or(*soa), *soa);
  return out;
}

finding read_additional(const message& answer, const std::string& target, record_type type) {
  finding out;
  select(answer.additionals, canonical(target), type, out);
  return out;
}

}  // namespace cueball::dns
