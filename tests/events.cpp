// SPDX-License-Identifier: BSL-1.0
/// \file
/// Every event of a slot in every state of a slot: what becomes of it, from a table.
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/core_world.hpp"

using namespace cueball;
using namespace std::chrono_literals;

namespace {

/// How a slot got where it is.
enum class where : std::uint8_t {
  connecting,
  idle,
  claimed,
  checking,
  doubted,
  suspected,
  resting,
  tested,
  cancelled,
  closing
};

enum class event : std::uint8_t {
  connected,
  failed,
  closed,
  watched,
  fired,
  well,
  unwell,
  invalidated,
  removed,
  stopped,
  elapsed
};

constexpr std::array places{"connecting", "idle",    "claimed", "checking",  "doubted",
                            "suspected",  "resting", "tested",  "cancelled", "closing"};
constexpr std::array events{"connected", "failed",      "closed",  "watched", "fired",  "well",
                            "unwell",    "invalidated", "removed", "stopped", "elapsed"};

/// A core with one connection. What it asks for is done when the test says so.
class table : support::core_world<> {
 public:
  explicit table(where place)
      : core_world(
            {.max_connections = 1,
             .check_interval = no_limit,
             .check_after = place == where::resting || place == where::tested ? duration{1s} : no_limit,
             .recovery = {.usual = {.timeout = 60s, .max_timeout = 60s, .spread = 0}}},
            {.be_watched = true, .be_checked = true}) {
    core.backend_added(home_, now);
    pass(100ms);
    core.each_slot([&](const core::slot_base& slot) { id_ = core::id_of(slot); });
    if (place == where::connecting) return;
    if (place == where::cancelled)
      pass(60s);
    else
      bring_to(place);
  }

  /// Of this slot, or of an earlier use of it.
  void happens(event what, bool stale = false) {
    const core::slot_id id{id_.index, id_.generation - (stale ? 1U : 0U)};
    switch (what) {
      case event::connected:
        return core.connected(id, now);
      case event::failed:
        return core.connect_failed(id, errc::connect_failed, "", false, now);
      case event::closed:
        return core.closed(id, now);
      case event::watched:
        return core.watched(id, now);
      case event::fired:
        return core.watch_fired(id, now);
      case event::well:
        return core.test_ended(id, {}, "", now);
      case event::unwell:
        return core.test_ended(id, errc::connection_broken, "", now);
      case event::invalidated:
        core.invalidate();
        return pass(0s);
      case event::removed:
        core.backend_removed(home_.key(), now);
        return pass(100ms);
      case event::stopped:
        core.request_stop();
        return pass(0s);
      case event::elapsed:
        return pass(60s);
    }
  }

  core::slot_state state() {
    auto found = core::slot_state::free;
    core.each_slot([&](const core::slot_base& slot) {
      if (core::id_of(slot) == id_) found = slot.state;
    });
    return found;
  }

  /// Does what is asked for, and what follows from it.
  void answer() {
    for (pass(0s); !asked_.empty(); pass(0s))
      for (const auto& each : std::exchange(asked_, {})) perform(each);
  }

  /// Gives back what is claimed.
  void release() {
    core.each_slot([&](core::slot_base& slot) {
      if (slot.state == core::slot_state::claimed) core.release(slot, core::verdict::good, now);
    });
  }

  pool_stats stats() { return core.stats(); }

 private:
  /// Connected, and on.
  void bring_to(where place) {
    answer();
    switch (place) {
      case where::claimed:
        (void)core.try_take();
        return;
      case where::checking: {  // by the sweep, since its watch fired while it was claimed
        auto* const slot = core.try_take();
        happens(event::fired);
        (void)core.try_put(*slot);
        return pass(100ms);
      }
      case where::doubted:
        return happens(event::fired);
      case where::suspected:
        happens(event::fired);
        return answer();
      case where::resting:
      case where::tested:
        for (int i = 0; i < 20; ++i) pass(100ms);
        if (place == where::tested) core.claim(who_, never_comes, now);
        return pass(0s);
      case where::closing:
        return core.release(*core.try_take(), core::verdict::discarded, now);
      default:
        return;
    }
  }

  /// Only plans are made meanwhile.
  void pass(duration length) {
    now += length;
    do {
      std::vector<core::effect> effects;
      core.take_effects(effects);
      for (auto& each : effects) {
        if (each.what == core::effect::kind::plan)
          perform(each);
        else
          asked_.push_back(std::move(each));
      }
      if (core.next_wake() <= now) core.wake(now);
    } while (core.has_effects() || core.next_wake() <= now);
  }

  const backend home_{"10.0.0.1", 1};
  core::waiter who_;  ///< Of a claim that waits for the check.
  core::slot_id id_;
  std::vector<core::effect> asked_;
};

/// Which state follows: of each place a row, of each event a column. `.` is the same as before.
constexpr std::array becomes{
    //                connected failed closed watched fired well unwell invalidated removed stopped elapsed
    /* connecting */ "i f . . . . . x x x x",
    /* idle       */ ". . . . k . . x x x .",
    /* claimed    */ ". . . . . . . . . . .",
    /* checking   */ ". . . i . . . . . . .",
    /* doubted    */ ". . . . . . . . . . .",
    /* suspected  */ ". . . . x . . x x x i",
    /* resting    */ ". . . . k . . x x x .",
    /* tested     */ ". . . . . l x x x x x",
    /* cancelled  */ ". f f . . . . . . . .",
    /* closing    */ ". f f . . . . . . . .",
};

char letter_of(core::slot_state state) {
  return "fcilrkx"[static_cast<std::size_t>(state)];
}

}  // namespace

TEST_CASE("every event is handled in every state of a slot") {
  for (std::size_t place = 0; place < places.size(); ++place)
    for (std::size_t what = 0; what < events.size(); ++what)
      for (const bool stale : {false, true}) {
        const bool of_slot = what < static_cast<std::size_t>(event::invalidated);
        if (stale && !of_slot) continue;
        INFO(events[what] << (stale ? ", of an earlier use," : "") << " while " << places[place]);
        table all{static_cast<where>(place)};
        const auto before = all.state();
        CHECK(letter_of(before) == "cilkkkrkxx"[place]);
        all.happens(static_cast<event>(what), stale);
        const auto expected = stale ? '.' : becomes[place][2 * what];
        CHECK(letter_of(all.state()) == (expected == '.' ? letter_of(before) : expected));

        all.answer();
        all.release();
        for (int i = 0; i < 3; ++i) {
          all.happens(event::elapsed);
          all.answer();
          all.release();
        }
        const auto stats = all.stats();
        const bool ends = what == static_cast<std::size_t>(event::removed) ||
                          what == static_cast<std::size_t>(event::stopped);
        CHECK(stats.slots.idle == (ends ? 0 : 1));
        CHECK(stats.slots.total() == stats.slots.idle);
        CHECK(stats.counters.opened == stats.counters.closed + stats.slots.total());
        if (what == static_cast<std::size_t>(event::stopped)) CHECK(stats.state == pool_state::stopped);
      }
}
