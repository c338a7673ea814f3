// SPDX-License-Identifier: BSL-1.0
/// \file
/// The shipped pool, whatever its composition.
#pragma once

#include <memory>
#include <stop_token>

#include <cueball/deadline.hpp>
#include <cueball/pool_stats.hpp>

#include "outside.hpp"
#include "setting.hpp"

namespace cueball::laws::shell {

class any_pool {
 public:
  virtual ~any_pool() = default;

  virtual lease_type try_claim(error_code& why) = 0;
  virtual void async_claim(handler done) = 0;
  virtual void async_claim(deadline until, handler done) = 0;
  virtual void async_wait_ready(std::uint32_t count, deadline until, handler done) = 0;
  virtual void async_stop(deadline until, handler done) = 0;
  virtual void request_stop() = 0;
  virtual pool_stats stats() const = 0;

  /// \pre the pool was made with `threads`
  virtual lease_type claim(deadline until, const std::stop_token& stop, error_code& error) = 0;
};

/// fifo, even_spread, periodic, silent; one thread.
std::unique_ptr<any_pool> make_pool_of_one_thread(world& outside, scheduler& on, const setting& what);

/// random, weighted, jittered, an observer that hears everything; many threads.
std::unique_ptr<any_pool> make_pool_of_many_threads(world& outside, scheduler& on, const setting& what);

/// fifo, even, jittered, the same observer; many threads, and a front without a lock.
std::unique_ptr<any_pool> make_pool_without_locks(world& outside, scheduler& on, const setting& what);

}  // namespace cueball::laws::shell
