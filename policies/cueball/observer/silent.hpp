// SPDX-License-Identifier: BSL-1.0
/// \file
/// observer::silent: nobody listens. The default; costs nothing.
#pragma once

#include <string_view>

#include <cueball/observer_policy.hpp>

namespace cueball::observer {

struct silent {
  using category = observer_policy;
  static constexpr std::string_view name = "observer::silent";
  static constexpr bool ignores_everything = true;

  template <class Event>
  void on(const Event&) noexcept {}
};

}  // namespace cueball::observer
