// SPDX-License-Identifier: BSL-1.0
/// \file
/// Every number that a connection set can be given.
#pragma once

#include <cstdint>
#include <optional>

#include <cueball/detail/option_checks.hpp>
#include <cueball/pool_options.hpp>
#include <cueball/time.hpp>

namespace cueball {

/// An aggregate, as `pool_options` is: name what differs from the default. What has the name of a field there
/// has the meaning, the default and the range of that field, and is named so where it is refused.
struct connection_set_options {
  /// The members that the set keeps: each is to a backend of its own, so there are fewer where fewer backends
  /// are live. 1 to 1,000,000.
  std::uint32_t target = 10;

  duration rebalance_delay = pool_options{}.rebalance_delay;
  connecting_limits max_connecting{};
  std::optional<std::uint32_t> max_churn_rate{};

  /// A member that is older is removed when another connection to its backend is up, which is added right
  /// after that.
  duration max_lifetime = pool_options{}.max_lifetime;
  double lifetime_spread = pool_options{}.lifetime_spread;

  recovery_options recovery{};

  /// How long `stop()` without a deadline waits for members to be let go.
  duration stop_timeout = pool_options{}.stop_timeout;

  /// Whether children of this process are kept from the connections.
  fork_policy on_fork = fork_policy::ignore;

  std::optional<std::uint64_t> seed{};
};

/// Throws `std::system_error` (`errc::bad_option`) with the name and value of the first bad field.
inline void check(const connection_set_options& options) {
  detail::option_checks{"connection_set_options"}.count("target", options.target, 1'000'000);
}

namespace detail {

/// Of the pool that is inside the set.
inline pool_options pool_options_of(const connection_set_options& options) {
  check(options);
  return {.max_connections = options.target,
          .rebalance_delay = options.rebalance_delay,
          .watch_delay = no_limit,
          .check_interval = no_limit,
          .max_connecting = options.max_connecting,
          .max_churn_rate = options.max_churn_rate,
          .max_lifetime = options.max_lifetime,
          .lifetime_spread = options.lifetime_spread,
          .recovery = options.recovery,
          .stop_timeout = options.stop_timeout,
          .on_fork = options.on_fork,
          .seed = options.seed};
}

}  // namespace detail

}  // namespace cueball
