// SPDX-License-Identifier: BSL-1.0
/// \file
/// What all who call ZooKeeper's single-threaded client have to share.
#pragma once

#include <mutex>

namespace cueball::detail {

/// The client numbers the requests of all its handles with one plain counter, writes addresses into one plain
/// buffer, and seeds the C library's random numbers: who calls it holds this. No call in it waits for
/// anything.
std::mutex& zookeeper_client_mutex();

}  // namespace cueball::detail
