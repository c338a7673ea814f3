// SPDX-License-Identifier: BSL-1.0
/// \file
/// Poco::ObjectPool.
#include <cstddef>

#include <Poco/ObjectPool.h>

#include "../floors/ring.hpp"
#include "../support/cycles.hpp"
#include "../support/waiting.hpp"

namespace {

class subject {
 public:
  subject(int, int size) : pool_(static_cast<std::size_t>(size), static_cast<std::size_t>(size)) {}

  bench::held_entry<subject> claim(int) { return {*this, pool_.borrowObject(longest_wait)}; }
  void release(bench::entry* what) { pool_.returnObject(what); }

 private:
  static constexpr long longest_wait = 30'000;  // ms

  Poco::ObjectPool<bench::entry> pool_;
};

[[maybe_unused]] const bool added = bench::add_cycles<subject>("poco") && bench::add_waiting<subject>("poco");

}  // namespace
