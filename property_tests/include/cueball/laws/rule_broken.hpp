// SPDX-License-Identifier: BSL-1.0
/// \file
/// How a law says what went wrong.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace cueball::laws {

class rule_broken : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// Throws unless `holds`. `rule` says what is wanted, and which rule of docs/testing.md wants it.
inline void demand(bool holds, const char* rule) {
  if (!holds) throw rule_broken{rule};
}

inline void demand_equal(std::uint64_t from_core, std::uint64_t from_model, const char* rule) {
  if (from_core != from_model)
    throw rule_broken{std::string{rule} + ": the core says " + std::to_string(from_core) + ", the model " +
                      std::to_string(from_model)};
}

}  // namespace cueball::laws
