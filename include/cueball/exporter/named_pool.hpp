// SPDX-License-Identifier: BSL-1.0
/// \file
/// What exporters read: a snapshot, and what the program calls its pool.
#pragma once

#include <string>
#include <utility>

#include <cueball/pool_options.hpp>
#include <cueball/pool_stats.hpp>

namespace cueball::exporter {

/// An aggregate. Exporters are functions of it alone: they ask no pool, and may be called anywhere.
struct named_pool {
  std::string name;  ///< Different for each pool that is exported together with others.
  pool_stats stats;
  pool_options options{};
};

/// Takes the snapshot. This is all that the pool has to do with it.
template <class Pool>
named_pool look_at(std::string name, const Pool& pool) {
  return {std::move(name), pool.stats(), pool.options()};
}

}  // namespace cueball::exporter
