// SPDX-License-Identifier: BSL-1.0
#include "everything.hpp"

const void* category_seen_by_other() {
  return &cueball::category();
}
