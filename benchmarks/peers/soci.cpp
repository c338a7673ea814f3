// SPDX-License-Identifier: BSL-1.0
/// \file
/// SOCI's connection_pool; its sessions are never opened.
#include <cstddef>

#include <soci/connection-pool.h>
#include <soci/session.h>

#include "../support/cycles.hpp"
#include "../support/waiting.hpp"

namespace {

class held_session {
 public:
  held_session(soci::connection_pool& pool, std::size_t place) : pool_(pool), place_(place) {}
  ~held_session() { pool_.give_back(place_); }
  held_session(const held_session&) = delete;
  held_session& operator=(const held_session&) = delete;

  soci::session& operator*() const { return pool_.at(place_); }

 private:
  soci::connection_pool& pool_;
  std::size_t place_;
};

struct subject {
  subject(int, int size) : pool(static_cast<std::size_t>(size)) {}
  held_session claim(int) { return {pool, pool.lease()}; }

  soci::connection_pool pool;
};

[[maybe_unused]] const bool added = bench::add_cycles<subject>("soci") && bench::add_waiting<subject>("soci");

}  // namespace
