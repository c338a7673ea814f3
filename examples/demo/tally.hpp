// SPDX-License-Identifier: BSL-1.0
/// \file
/// What the users of the pool count.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "histogram.hpp"

namespace demo {

/// What happened over some time.
struct tally {
  struct outcome {
    std::uint64_t answered = 0;
    std::uint64_t failed = 0;
  };

  histogram waits;                         ///< How long each claim took.
  std::uint64_t claims_failed = 0;         ///< Claims that gave no connection.
  std::uint64_t from_barred = 0;           ///< Claims that gave a connection to a backend that had gone.
  std::map<std::string, outcome> by_name;  ///< Requests, by the name of the backend.

  tally& operator+=(const tally& other);
  std::uint64_t answered() const;
  std::uint64_t failed() const;
};

}  // namespace demo
