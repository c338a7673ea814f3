// SPDX-License-Identifier: BSL-1.0
/// \file
/// Writes JSON.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <utility>

#include <cueball/detail/exported.hpp>

namespace cueball::detail {

/// Puts commas where they belong; that what is opened is closed is up to the caller.
class json_writer {
 public:
  /// `write()` writes the members.
  template <class Write>
  void object(Write write) {
    begin_value();
    out_ += '{';
    write();
    out_ += '}';
  }

  template <class Write>
  void array(Write write) {
    begin_value();
    out_ += '[';
    write();
    out_ += ']';
  }

  /// The name of the member that is written next.
  json_writer& member(std::string_view name) {
    value(name);
    out_ += ':';
    return *this;
  }

  void value(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    begin_value();
    out_ += '"';
    for (const char c : valid_utf8(text)) {
      if (const auto byte = static_cast<unsigned char>(c); byte < 0x20) {
        out_ += "\\u00";
        out_ += {digits[byte >> 4U], digits[byte & 15U]};
      } else {
        if (c == '"' || c == '\\') out_ += '\\';
        out_ += c;
      }
    }
    out_ += '"';
  }

  void value(std::same_as<bool> auto truth) {
    begin_value();
    out_ += truth ? "true" : "false";
  }

  void value(std::unsigned_integral auto number)
    requires(!std::same_as<decltype(number), bool>)
  {
    begin_value();
    out_ += std::to_string(number);
  }

  std::string text() && { return std::move(out_); }

 private:
  void begin_value() {
    if (!out_.empty() && out_.back() != '{' && out_.back() != '[' && out_.back() != ':') out_ += ',';
  }

  std::string out_;
};

}  // namespace cueball::detail
