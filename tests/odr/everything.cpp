// SPDX-License-Identifier: BSL-1.0
#include "everything.hpp"

const void* category_seen_by_other();

// One category object, wherever it is asked for.
int main() {
  return category_seen_by_other() == &cueball::category() ? 0 : 1;
}
