// SPDX-License-Identifier: BSL-1.0
// Somebody's program: it sees the pool, and a policy from the second include root.
#include <iostream>
#include <type_traits>

#include <cueball/policy_set.hpp>
#include <cueball/queue/lifo.hpp>

int main() {
  using policies = cueball::make_policy_set<cueball::queue::lifo>;
  static_assert(std::is_same_v<policies::queue, cueball::queue::lifo>);
  std::cout << "claimed by " << policies::queue::name << '\n';
}
