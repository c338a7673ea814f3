// SPDX-License-Identifier: BSL-1.0
#include <cueball/error.hpp>

const void* category_seen_by_other();

const void* category_seen_by_other() {
  return &cueball::category();
}
