// SPDX-License-Identifier: BSL-1.0
/// \file
/// The rebalance axis: how many connections does each backend get?
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <cueball/random.hpp>

namespace cueball {

/// Names the axis.
struct rebalance_policy {};

/// What a strategy sees of a live backend.
struct backend_load {
  std::uint32_t present = 0;   ///< Connections that it has or that are being made.
  std::uint32_t weight = 1;    ///< As announced.
  std::uint32_t priority = 0;  ///< As announced; lower is better.

  /// Its place in the pool's preference list, lower is better: drawn when it was announced, kept until it is
  /// withdrawn, whether it is live or not; decoherence exchanges it with that of another. 0 unless the
  /// strategy says that it uses it (`preferring_strategy`).
  std::uint64_t preference = 0;

  std::uint64_t identity = 0;  ///< `identity_of` its key: the same in every pool that knows it.
};

/// The same number from the same key on every platform; numbers of keys that are alike are not.
constexpr std::uint64_t identity_of(std::string_view key) noexcept {
  std::uint64_t hash = 0xCBF29CE484222325ULL;  // FNV-1a, which a random source then scatters
  for (const char each : key) hash = (hash ^ static_cast<unsigned char>(each)) * 0x100000001B3ULL;
  return random_source{hash}();
}

/// A strategy that says which plans are as good as its own, churn aside: `lawful(live, target, counts)`. With
/// it the law suite finds the plan of the least churn by brute force.
template <class Policy>
concept judging_strategy = requires(const Policy& policy, std::span<const backend_load> live,
                                    std::uint32_t target, std::span<const std::uint32_t> counts) {
  // `counts` have one entry a backend, and add up to `target`.
  { policy.lawful(live, target, counts) } -> std::same_as<bool>;
};

/// A strategy that plans by `backend_load::preference`. If `uses_preferences()`, which does not change while
/// a pool has it, decoherence moves connections to other backends, too.
template <class Policy>
concept preferring_strategy = requires(const Policy& policy) {
  { policy.uses_preferences() } noexcept -> std::same_as<bool>;
};

/// A policy of the rebalance axis. See docs/policies.md for what each expression means.
template <class Policy>
concept rebalance_strategy = requires(const Policy& policy, std::span<const backend_load> live,
                                      std::uint32_t target, random_source random) {
  requires std::same_as<typename Policy::category, rebalance_policy>;
  requires std::convertible_to<decltype(Policy::name), std::string_view>;
  requires std::copy_constructible<Policy>;
  // One count a backend, in their order; the sum is `target` unless `live` is empty. Pure but for `random`.
  { policy.plan(live, target, random) } -> std::same_as<std::vector<std::uint32_t>>;
  // Whoever means to use preferences does: what is misspelt would be ignored in silence.
  requires preferring_strategy<Policy> || !requires { &Policy::uses_preferences; };
};

}  // namespace cueball
