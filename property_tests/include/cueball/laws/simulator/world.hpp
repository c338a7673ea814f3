// SPDX-License-Identifier: BSL-1.0
/// \file
/// A core of whatever policies: the properties are compiled once, against this.
#pragma once

#include <cstdint>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

#include <cueball/backend.hpp>
#include <cueball/core/effect.hpp>
#include <cueball/core/slot.hpp>
#include <cueball/core/waiter.hpp>
#include <cueball/error.hpp>
#include <cueball/pool_options.hpp>
#include <cueball/pool_stats.hpp>
#include <cueball/time.hpp>

namespace cueball::laws {

/// How a lease ended; mirrors `core::verdict`, whose header is a template's.
enum class ending { good, broken, discarded };

/// The calls of `core::pool_core`, one by one; see there.
class world {
 public:
  world() = default;
  world(const world&) = delete;
  world& operator=(const world&) = delete;
  virtual ~world() = default;

  virtual core::slot_base* try_take() = 0;
  virtual void note_claim(core::slot_base& slot, std::source_location where) = 0;
  virtual bool try_put(core::slot_base& slot) = 0;

  virtual void start(time_point now) = 0;
  virtual void request_stop() = 0;
  virtual pool_state state() const = 0;

  virtual void claim(core::waiter& claimer, time_point deadline, time_point now) = 0;
  virtual core::slot_base* try_claim(error_code& why) = 0;
  virtual void cancel(core::waiter& waiting, error_code why) = 0;
  virtual void release(core::slot_base& slot, ending how, time_point now) = 0;
  /// By being detached.
  virtual void gone(core::slot_base& slot, time_point now) = 0;

  virtual void wait_ready(core::waiter& waiting, std::uint32_t count, time_point deadline,
                          time_point now) = 0;
  virtual void wait_stopped(core::waiter& waiting, time_point deadline, time_point now) = 0;

  virtual void resolver_started() = 0;
  virtual void resolver_ended(error_code error, time_point now) = 0;
  virtual void backend_added(const backend& where, time_point now) = 0;
  virtual void backend_changed(const backend& where, time_point now) = 0;
  virtual void backend_removed(const std::string& key, time_point now) = 0;
  virtual void round_done(time_point now) = 0;
  virtual void resolver_failed(error_code error, std::string text) = 0;

  virtual void connected(core::slot_id id, time_point now) = 0;
  virtual void connect_failed(core::slot_id id, error_code error, bool permanent, time_point now) = 0;
  virtual void closed(core::slot_id id, time_point now) = 0;
  virtual void watched(core::slot_id id, time_point now) = 0;
  virtual void watch_fired(core::slot_id id, time_point now) = 0;
  virtual void test_ended(core::slot_id id, error_code error, time_point now) = 0;
  virtual void set_most(std::uint32_t most) = 0;
  virtual void invalidate() = 0;
  virtual bool invalidate(const std::string& key) = 0;

  virtual void wake(time_point now) = 0;
  virtual time_point next_wake() = 0;
  virtual bool has_work() const = 0;

  virtual void make_plan() = 0;
  virtual void planned() = 0;
  virtual void plan_failed(time_point now) = 0;

  virtual void take_effects(std::vector<core::effect>& into) = 0;
  virtual core::waiter* take_finished() = 0;
  virtual core::slot_base* find(core::slot_id id) = 0;
  virtual std::vector<const core::slot_base*> slots() = 0;
  virtual core::slot_state state_of(const core::slot_base& slot) const = 0;
  virtual pool_stats stats() const = 0;
  virtual std::uint64_t preference_of(const std::string& key) const = 0;
};

}  // namespace cueball::laws
