// SPDX-License-Identifier: BSL-1.0
/// \file
/// What a resolver finds its backends in, as a law suite turns it.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <vector>

#include <cueball/backend.hpp>

namespace cueball::laws {

/// `source.answer(all)`: from now on, whoever asks finds just these; there may be none. It returns when that
/// is in force.
///
/// What it has beside that is tried as well:
/// - `source.candidates()`: the backends that answers are drawn from, never two of a key in one answer. If it
///   has none, these are four addresses with two weights each.
/// - `source.fail()`: from now on, until the next answer, it cannot be found out which backends there are.
/// - `source.fall_silent()`: likewise, and whoever asks gets no answer at all.
/// - `source.asked()`: how often it was asked for all, since it was told what to answer. Any thread.
template <class Source>
concept backend_source = requires(Source& source, const std::vector<backend>& all) { source.answer(all); };

template <class Source>
concept failing_source = backend_source<Source> && requires(Source& source) { source.fail(); };

template <class Source>
concept silent_source = backend_source<Source> && requires(Source& source) { source.fall_silent(); };

template <class Source>
concept counting_source = backend_source<Source> && requires(const Source& source) {
  { source.asked() } -> std::convertible_to<std::uint64_t>;
};

template <backend_source Source>
std::vector<backend> candidates_of(const Source& source) {
  if constexpr (requires { source.candidates(); }) {
    return source.candidates();
  } else {
    std::vector<backend> all;
    for (const char* const address : {"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"})
      for (const std::uint32_t weight : {1U, 3U})
        all.push_back({.address = address, .port = 80, .weight = weight});
    return all;
  }
}

}  // namespace cueball::laws
