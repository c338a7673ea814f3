// SPDX-License-Identifier: BSL-1.0
/// \file
/// Where a claim was made, where somebody wants to know.
#pragma once

#include <source_location>
#include <type_traits>

#include <cueball/observer_policy.hpp>

namespace cueball::detail {

/// The compiler makes it where a claim is called, as a default argument. There is no default constructor:
/// `{}` stays what else a claim takes.
class claim_site {
 public:
  constexpr claim_site(std::source_location where) noexcept : where_(where) {}  // NOLINT: it is one

  constexpr const std::source_location& where() const noexcept { return where_; }

 private:
  std::source_location where_;
};

/// In its place where nobody wants to know: no byte, and no instruction.
struct no_claim_site {
  constexpr no_claim_site(std::source_location) noexcept {}  // NOLINT: as above
};

template <class Observer>
using claim_site_for = std::conditional_t<hears_overdue_leases<Observer>, claim_site, no_claim_site>;

}  // namespace cueball::detail
