// SPDX-License-Identifier: BSL-1.0
/// \file
/// `any_pool` of one composition.
#pragma once

#include <cueball/decoherence/jittered.hpp>
#include <cueball/pool.hpp>

#include "any_pool.hpp"
#include "threading.hpp"
#include "world.hpp"

namespace cueball::laws::shell {

template <class Pool>
class any_pool_of final : public any_pool {
 public:
  template <class... Policies>
  any_pool_of(world& outside, scheduler& on, const setting& what, Policies... policies)
      : pool_(
            on, resolver{outside},
            [&outside, alive = outside.life()](const backend& where) {
              outside.begin_make(where);
              return connection{outside, where};
            },
            what.options(), policies...) {}

  lease_type try_claim(error_code& why) override { return pool_.try_claim(why); }
  void async_claim(handler done) override { pool_.async_claim(std::move(done)); }
  void async_claim(deadline until, handler done) override { pool_.async_claim(until, std::move(done)); }
  void async_wait_ready(std::uint32_t count, deadline until, handler done) override {
    pool_.async_wait_ready(count, until, std::move(done));
  }
  void async_stop(deadline until, handler done) override { pool_.async_stop(until, std::move(done)); }
  void request_stop() override { pool_.request_stop(); }
  pool_stats stats() const override { return pool_.stats(); }

  lease_type claim(deadline until, const std::stop_token& stop, error_code& error) override {
    if constexpr (Pool::threading::blocks)
      return pool_.claim(until, stop, error);
    else
      return {};
  }

 private:
  Pool pool_;
};

/// One that shuffles at jittered intervals, and is observed.
template <class Pool>
std::unique_ptr<any_pool> make_observed(world& outside, scheduler& on, const setting& what) {
  return std::make_unique<any_pool_of<Pool>>(
      outside, on, what, decoherence::jittered{std::chrono::milliseconds{what.decoherence_ms}},
      witness{outside});
}

}  // namespace cueball::laws::shell
