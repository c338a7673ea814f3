// SPDX-License-Identifier: BSL-1.0
/// \file
/// What a resolver is held to.
#pragma once

#include <chrono>
#include <cstdint>

#include <cueball/announcements.hpp>

namespace cueball::laws {

/// What a resolver is held to.
struct resolver_terms {
  /// What it was told of this. What is missing goes after so many answers, and not before; so does all, when
  /// the answers are empty; a failure counts for neither.
  patience how{};

  /// How long it may take until an answer is announced, `patience` included.
  std::chrono::milliseconds limit = std::chrono::seconds{10};

  /// How long a run may take to end when it is told to, and to leave nothing under way.
  std::chrono::milliseconds stop_limit = std::chrono::seconds{5};

  /// How many changes of the source are tried; at first one of each kind.
  std::uint32_t changes = 40;

  /// Of what is drawn; 0: another one each time. What breaks a law names it.
  std::uint64_t seed = 0;
};

}  // namespace cueball::laws
