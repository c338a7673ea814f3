// SPDX-License-Identifier: BSL-1.0
/// \file
/// What is asked of the pool, and how long it takes. The same in every run, and the same for each pool.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include <cueball/random.hpp>
#include <cueball/time.hpp>

namespace coherence {

inline constexpr std::uint32_t backends = 3;

/// A backend answers nothing from `begin` to `end`; then it goes on.
struct pause {
  cueball::time_point begin;
  cueball::time_point end;
};

/// How long claims are held. Hold times are uneven: each backend pauses for a second now and then, as one
/// does that collects garbage, fails over or writes a checkpoint.
class load {
 public:
  /// Draws the pauses: 5 to 15 minutes from one of a backend to its next.
  explicit load(cueball::duration length);

  const std::vector<pause>& pauses(std::uint32_t backend) const { return pauses_[backend]; }

  /// When a claim ends that begins now.
  /// \param random draws how long it takes without a pause: log-normal (nearly), 8 ms in the middle; one in
  ///   twenty takes more than 17 ms.
  cueball::time_point end_of_claim(std::uint32_t backend, cueball::time_point now,
                                   cueball::random_source& random) const;

 private:
  std::array<std::vector<pause>, backends> pauses_;
};

}  // namespace coherence
