// SPDX-License-Identifier: BSL-1.0
/// \file
/// etcd's JSON: what is asked, and what is answered.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cueball::detail {

std::string to_base64(std::string_view bytes);

/// Nothing if it is malformed: etcd pads, and has no line breaks.
std::optional<std::string> from_base64(std::string_view text);

/// The first key that does not begin with `prefix`, as etcd wants it.
/// \pre it is not empty
std::string end_of_prefix(std::string_view prefix);

std::string range_request(std::string_view prefix);
std::string watch_request(std::string_view prefix, std::int64_t from_revision);

/// All keys, with their values, at a revision; or what is wrong with it.
struct range_answer {
  std::int64_t revision = 0;
  std::vector<std::pair<std::string, std::string>> values{};
  std::string problem{};
};
range_answer read_range(std::string_view text);

/// One line of a watch.
struct watch_answer {
  struct event {
    std::string key;
    std::optional<std::string> value;  ///< None: deleted, or expired.
  };
  bool is_created = false;
  bool is_cancelled = false;
  std::int64_t compact_revision = 0;  ///< Not 0: cancelled since earlier revisions are gone.
  std::vector<event> events{};
  std::string problem{};
};
watch_answer read_watch(std::string_view line);

}  // namespace cueball::detail
