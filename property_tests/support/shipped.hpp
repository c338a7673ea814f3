// SPDX-License-Identifier: BSL-1.0
/// \file
/// The compositions of the shipped policies.
#pragma once

#include <string_view>
#include <vector>

#include <cueball/laws/simulator/composition.hpp>

namespace shipped {

/// Queue x rebalance x decoherence, in full. The threading models change places, so that every pair of two
/// policies of different axes occurs.
const std::vector<cueball::laws::composition>& compositions();

/// The first one whose name begins like this.
const cueball::laws::composition& composition(std::string_view name);

std::vector<cueball::laws::composition> with_fifo();
std::vector<cueball::laws::composition> with_interleaved();
std::vector<cueball::laws::composition> with_least_loaded();
std::vector<cueball::laws::composition> with_lifo();
std::vector<cueball::laws::composition> with_random();
std::vector<cueball::laws::composition> with_sticky();

}  // namespace shipped
