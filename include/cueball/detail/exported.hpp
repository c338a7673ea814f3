// SPDX-License-Identifier: BSL-1.0
/// \file
/// Snapshots in a form that every exporter can write: names that differ and are valid UTF-8, one row a
/// backend.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <cueball/error.hpp>
#include <cueball/exporter/named_pool.hpp>

namespace cueball::detail {

/// How many bytes the character at the beginning of `text` takes; 0 if it is no UTF-8 (overlong forms and
/// surrogates are none).
/// \pre `text` is not empty
constexpr std::size_t length_of_character(std::string_view text) noexcept {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(i < text.size() ? text[i] : '\0'); };
  const auto goes_on = [&](std::size_t i) { return (at(i) & 0xC0U) == 0x80U; };
  const unsigned first = at(0);
  const unsigned second = at(1);
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4 || !goes_on(1)) return 0;
  if (first < 0xE0) return 2;
  if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) || !goes_on(2)) return 0;
  if (first < 0xF0) return 3;
  if ((first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F) || !goes_on(3)) return 0;
  return 4;
}

/// With each byte that is no UTF-8 percent-encoded, as a backend's key does with what it has to. Different
/// keys stay different, since '%' in a name is encoded there already.
inline std::string valid_utf8(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string valid;
  while (!text.empty()) {
    const auto length = length_of_character(text);
    if (length > 0) {
      valid += text.substr(0, length);
    } else {
      const auto byte = static_cast<unsigned char>(text.front());
      valid += {'%', digits[byte >> 4U], digits[byte & 15U]};
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return valid;
}

struct exported_backend {
  std::string key;
  const backend_stats* latest;  ///< Of the rows of this key, the one that was announced last.
  std::uint32_t planned = 0;
  slot_counts slots{};
  slot_counters counters{};
};

struct exported_pool {
  std::string name;
  const exporter::named_pool* source;
  std::vector<exported_backend> backends;  ///< In the order of the snapshot.
};

/// A backend that was withdrawn, and announced anew while leases on it were out, has two rows in a snapshot.
/// They are one here, and add up: no format takes a name twice.
inline std::vector<exported_backend> backends_of(const pool_stats& stats) {
  std::vector<exported_backend> all;
  std::map<std::string_view, std::size_t> places;
  for (const auto& row : stats.backends) {
    const auto [place, is_first] = places.try_emplace(row.key, all.size());
    if (is_first) all.push_back({.key = valid_utf8(row.key), .latest = &row});
    auto& one = all[place->second];
    one.latest = &row;
    one.planned += row.planned;
    one.slots += row.slots;
    one.counters += row.counters;
  }
  return all;
}

/// Throws `std::system_error` (`errc::bad_argument`) if two pools have the same name.
inline std::vector<exported_pool> exported(std::span<const exporter::named_pool> pools) {
  std::vector<exported_pool> all;
  for (const auto& one : pools) {
    auto name = valid_utf8(one.name);
    if (std::any_of(all.begin(), all.end(), [&](const exported_pool& other) { return other.name == name; }))
      throw_error(errc::bad_argument, "exporter: two pools are called '" + name + "'");
    all.push_back({std::move(name), &one, backends_of(one.stats)});
  }
  return all;
}

}  // namespace cueball::detail
