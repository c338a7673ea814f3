// SPDX-License-Identifier: BSL-1.0
/// \file
/// The one template behind `world`: a core of certain policies.
#pragma once

#include <memory>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <cueball/core/pool_core.hpp>
#include <cueball/laws/rule_broken.hpp>
#include <cueball/laws/simulator/composition.hpp>
#include <cueball/policy_set.hpp>

namespace cueball::laws {

/// An observer that wants to hear of everything, so that every effect is made. The simulator reads the
/// effects.
struct attentive {
  using category = observer_policy;
  static constexpr std::string_view name = "attentive";

  template <class Event>
  void on(const Event&) noexcept {}
};

struct no_payload {};

template <class Policies>
class world_of final : public world {
 public:
  world_of(const pool_options& options, const typename Policies::queue& queue,
           const typename Policies::rebalance& rebalance, const typename Policies::decoherence& decoherence,
           core::abilities can, std::uint64_t seed, std::uint32_t slice)
      : core_(options, queue, rebalance, decoherence, can, seed, slice) {}

  core::slot_base* try_take() override { return core_.try_take(); }
  void note_claim(core::slot_base& slot, std::source_location where) override {
    using slot_type = typename decltype(core_)::slot_type;
    core_.note_claim(static_cast<slot_type&>(slot), where);
  }
  bool try_put(core::slot_base& slot) override { return core_.try_put(slot) == push_result::done; }

  void start(time_point now) override { core_.start(now); }
  void request_stop() override { core_.request_stop(); }
  pool_state state() const override { return core_.state(); }

  void claim(core::waiter& claimer, time_point deadline, time_point now) override {
    core_.claim(claimer, deadline, now);
  }
  core::slot_base* try_claim(error_code& why) override { return core_.try_claim(why); }
  void cancel(core::waiter& waiting, error_code why) override { core_.cancel(waiting, why); }
  void release(core::slot_base& slot, ending how, time_point now) override {
    core_.release(slot,
                  how == ending::good     ? core::verdict::good
                  : how == ending::broken ? core::verdict::broken
                                          : core::verdict::discarded,
                  now);
  }
  void gone(core::slot_base& slot, time_point now) override { core_.gone(slot, close_reason::detached, now); }

  void wait_ready(core::waiter& waiting, std::uint32_t count, time_point deadline, time_point now) override {
    core_.wait_ready(waiting, count, deadline, now);
  }
  void wait_stopped(core::waiter& waiting, time_point deadline, time_point now) override {
    core_.wait_stopped(waiting, deadline, now);
  }

  void resolver_started() override { core_.resolver_started(); }
  void resolver_ended(error_code error, time_point now) override {
    core_.resolver_ended(error, "gave up", now);
  }
  void backend_added(const backend& where, time_point now) override { core_.backend_added(where, now); }
  void backend_changed(const backend& where, time_point now) override { core_.backend_changed(where, now); }
  void backend_removed(const std::string& key, time_point now) override { core_.backend_removed(key, now); }
  void round_done(time_point now) override { core_.round_done(now); }
  void resolver_failed(error_code error, std::string text) override {
    core_.resolver_failed(error, std::move(text));
  }

  void connected(core::slot_id id, time_point now) override { core_.connected(id, now); }
  void connect_failed(core::slot_id id, error_code error, bool permanent, time_point now) override {
    core_.connect_failed(id, error, "no luck", permanent, now);
  }
  void closed(core::slot_id id, time_point now) override { core_.closed(id, now); }
  void watched(core::slot_id id, time_point now) override { core_.watched(id, now); }
  void watch_fired(core::slot_id id, time_point now) override { core_.watch_fired(id, now); }
  void test_ended(core::slot_id id, error_code error, time_point now) override {
    core_.test_ended(id, error, {}, now);
  }
  void set_most(std::uint32_t most) override { core_.set_most(most); }
  void invalidate() override { core_.invalidate(); }
  bool invalidate(const std::string& key) override { return core_.invalidate(key); }

  void wake(time_point now) override { core_.wake(now); }
  time_point next_wake() override { return core_.next_wake(); }
  bool has_work() const override { return core_.has_work(); }

  void make_plan() override { core_.make_plan(); }
  void planned() override { core_.planned(); }
  void plan_failed(time_point now) override { core_.plan_failed(errc::bad_plan, "no plan", now); }

  void take_effects(std::vector<core::effect>& into) override { core_.take_effects(into); }
  core::waiter* take_finished() override { return core_.take_finished(); }
  core::slot_base* find(core::slot_id id) override { return core_.find(id); }
  std::vector<const core::slot_base*> slots() override {
    std::vector<const core::slot_base*> all;
    core_.each_slot([&](const core::slot_base& slot) { all.push_back(&slot); });
    return all;
  }
  core::slot_state state_of(const core::slot_base& slot) const override { return core_.state_of(slot); }
  pool_stats stats() const override { return core_.stats(); }
  std::uint64_t preference_of(const std::string& key) const override { return core_.preference_of(key); }

 private:
  core::pool_core<Policies, no_payload> core_;
};

/// The composition of these policies, whose observer hears of everything.
template <class Queue, class Rebalance, class Decoherence, class Threading>
composition composition_of(const Queue& queue = {}, const Rebalance& rebalance = {},
                           const Decoherence& decoherence = {}) {
  using policies = policy_set<Queue, Rebalance, Decoherence, Threading, attentive>;
  composition made;
  for (const std::string_view name : {std::string_view{Queue::name}, std::string_view{Rebalance::name},
                                      std::string_view{Decoherence::name}, std::string_view{Threading::name}})
    made.name += (made.name.empty() ? "" : ", ") + std::string{name};
  made.order = order_of<Queue>;
  made.lawful = judge_of(rebalance);
  if constexpr (preferring_strategy<Rebalance>) made.prefers = rebalance.uses_preferences();
  made.make = [queue, rebalance, decoherence](const pool_options& options, duration interval,
                                              core::abilities can, std::uint64_t seed, std::uint32_t slice) {
    auto schedule = decoherence;
    if constexpr (requires { schedule.interval = interval; }) schedule.interval = interval;
    return std::unique_ptr<world>{
        new world_of<policies>(options, queue, rebalance, schedule, can, seed, slice)};
  };
  return made;
}

}  // namespace cueball::laws
