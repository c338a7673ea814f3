// SPDX-License-Identifier: BSL-1.0
/// \file
/// The laws of the small parts: randomness, schedules, back-off, deadlines, lists.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include <cueball/core/backoff.hpp>
#include <cueball/core/codel.hpp>
#include <cueball/core/deadlines.hpp>
#include <cueball/core/demand.hpp>
#include <cueball/core/list.hpp>
#include <cueball/decoherence/adaptive.hpp>
#include <cueball/decoherence/jittered.hpp>
#include <cueball/decoherence/never.hpp>
#include <cueball/decoherence/periodic.hpp>
#include <cueball/random.hpp>

#include <cueball/laws/chi_squared.hpp>
#include <cueball/laws/law.hpp>

#include <support/catch.hpp>

namespace cueball::laws {

using namespace std::chrono_literals;

TEST_CASE("a seed gives the same numbers on every platform", "[parts]") {
  random_source random{42};
  CHECK(random() == 1546998764402558742ULL);
  CHECK(random() == 6990951692964543102ULL);
  CHECK(random() == 12544586762248559009ULL);
  CHECK(random.below(1000) == 924);
  CHECK(random.below(6) == 5);
  CHECK(random.fraction() == 0.7697394604342425);
}

TEST_CASE("below() is uniform, and below its bound", "[parts]") {
  for (const auto bound : {2U, 3U, 6U, 10U, 100U}) {
    random_source random{bound};
    std::vector<std::uint64_t> counts(bound);
    for (std::uint32_t i = 0; i < 2000 * bound; ++i) ++counts[random.below(bound)];
    CHECK(looks_uniform(counts));
  }
  // Where a plain multiplication or remainder would be biased most.
  constexpr std::uint32_t large = 3U << 30U;
  random_source random{5};
  std::vector<std::uint64_t> thirds(3);
  for (int i = 0; i < 60000; ++i) ++thirds[random.below(large) >> 30U];
  CHECK(looks_uniform(thirds));
  law("below() is below its bound, whatever that is", [] {
    const auto bound = *rc::gen::suchThat(rc::gen::arbitrary<std::uint32_t>(), [](auto n) { return n != 0; });
    random_source some{*rc::gen::arbitrary<std::uint64_t>()};
    for (int i = 0; i < 10; ++i) RC_ASSERT(some.below(bound) < bound);
    const auto fraction = some.fraction();
    RC_ASSERT(fraction >= 0.0 && fraction < 1.0);
  });
}

TEST_CASE("schedules come when they say", "[parts]") {
  law("schedules come when they say", [] {
    const time_point now{std::chrono::milliseconds{*rc::gen::inRange(0, 1'000'000)}};
    const auto interval = std::chrono::milliseconds{*rc::gen::inRange(1, 1'000'000)};
    const auto spread = *rc::gen::inRange(0, 101) / 100.0;
    random_source random{*rc::gen::arbitrary<std::uint64_t>()};
    const auto measured = coherence{};
    const auto fixed = decoherence::periodic{interval}.next(now, measured, random);
    RC_ASSERT(fixed.when == now + interval);
    RC_ASSERT((fixed.what == decoherence_step::action::shuffle_and_regroup));
    const auto drawn = decoherence::jittered{interval, spread}.next(now, measured, random);
    const auto off = std::chrono::duration<double>(drawn.when - now - interval);
    RC_ASSERT(std::abs(off.count()) <= std::chrono::duration<double>(interval).count() * spread + 1e-6);
    RC_ASSERT(decoherence::never{}.next(now, measured, random).when == never_comes);
    RC_ASSERT(decoherence::jittered{no_limit}.next(now, measured, random).when == never_comes);
    RC_ASSERT(decoherence::periodic{no_limit}.next(now, measured, random).when == never_comes);
  });
}

TEST_CASE("an adaptive schedule shuffles what is regular, seldom, and not what stays at the limit",
          "[parts]") {
  using action = decoherence_step::action;
  law("an adaptive schedule shuffles what is regular, and then lets some time pass", [] {
    const auto percents = *rc::gen::container<std::vector<std::uint32_t>>(rc::gen::inRange(0U, 101U));
    const auto seconds = [](int end) { return std::chrono::seconds{*rc::gen::inRange(0, end)}; };
    const auto least = seconds(50);
    decoherence::adaptive tested{
        .interval = 10s, .high = 0.5, .low = 0.25, .least_pause = least, .most_pause = least + seconds(100)};
    tested.check();
    random_source random{1};
    time_point now{1h};
    std::optional<time_point> last;  // time of a shuffle
    bool was_low = true;             // since then
    for (const auto percent : percents) {
      const coherence measured{
          .idle = 101, .longest_run = 1, .looked_at = 101, .backends = 1, .repeats = percent};
      was_low = was_low || percent < 25;
      const bool may =
          !last || (now >= *last + tested.least_pause && (was_low || now >= *last + tested.most_pause));
      auto next = tested.next(now, measured, random);
      RC_ASSERT((next.what == action::shuffle) == (may && percent > 50));
      if (next.what == action::shuffle) {
        RC_ASSERT(next.when == now + 1ms);
        now = next.when;
        last = now;
        was_low = false;
        next = tested.next(now, measured, random);  // it begins: what is measured is of before
      }
      RC_ASSERT((next.what == action::none));
      RC_ASSERT(next.when == now + 10s);
      now = next.when;
    }
  });
}

TEST_CASE("a jittered schedule uses all of its range alike", "[parts]") {
  random_source random{3};
  std::vector<std::uint64_t> tenths(10);
  for (int i = 0; i < 20000; ++i) {
    const auto next =
        decoherence::jittered{1000ms, 0.5}.next(time_point{}, {}, random).when - time_point{500ms};
    ++tenths[static_cast<std::size_t>(std::clamp<std::int64_t>(next / 100ms, 0, 9))];
  }
  CHECK(looks_uniform(tenths));
}

TEST_CASE("the back-off doubles, is bounded, and is spread evenly", "[parts]") {
  law("the back-off doubles, is bounded, and is spread", [] {
    operation_recovery recovery;
    recovery.delay = std::chrono::milliseconds{*rc::gen::inRange(1, 1000)};
    recovery.max_delay = recovery.delay * *rc::gen::inRange(1, 1000);
    recovery.spread = *rc::gen::inRange(0, 101) / 100.0;
    const auto failures = *rc::gen::inRange<std::uint32_t>(1, 1000);
    random_source random{*rc::gen::arbitrary<std::uint64_t>()};
    const auto delay = static_cast<double>(core::backoff_delay(recovery, failures, random).count());
    const auto doubled = static_cast<double>(recovery.delay.count()) * std::pow(2.0, failures - 1.0);
    const auto middle = std::min(doubled, static_cast<double>(recovery.max_delay.count()));
    RC_ASSERT(delay >= middle * (1.0 - recovery.spread) - 1.0);
    RC_ASSERT(delay <= middle * (1.0 + recovery.spread) + 1.0);
  });
  random_source random{8};
  std::vector<std::uint64_t> tenths(10);
  const operation_recovery recovery{.delay = 1000ms, .max_delay = 1000ms, .spread = 0.5};
  for (int i = 0; i < 20000; ++i) {
    const auto off = core::backoff_delay(recovery, 1, random) - duration{500ms};
    ++tenths[static_cast<std::size_t>(std::clamp<std::int64_t>(off / 100ms, 0, 9))];
  }
  CHECK(looks_uniform(tenths));
}

TEST_CASE("waiters are shed after interval / sqrt(n), while everybody waits for too long", "[parts]") {
  law("waiters are shed after interval / sqrt(n)", [] {
    const auto target = std::chrono::milliseconds{*rc::gen::inRange(1, 500)};
    const auto step = std::chrono::microseconds{*rc::gen::inRange(1, 100)};  // between two who can be served
    core::codel tested{target};
    const time_point start{1h};
    std::vector<time_point> shed;
    auto now = start;
    for (; shed.size() < 20; now += step)
      tested.make_way(now, [&] { return std::optional{now - target}; }, [&] { shed.push_back(now); });
    const auto next = [&](time_point at) {  // the first step at or after it
      const auto steps = (at - start + step - duration{1}) / step;
      return start + steps * step;
    };
    auto due = start + 100ms;
    RC_ASSERT(shed[0] == next(due));
    due = shed[0];
    for (std::size_t n = 1; n < shed.size(); ++n) {
      due += duration{static_cast<duration::rep>(1e8 / std::sqrt(static_cast<double>(n)))};
      RC_ASSERT(shed[n] == next(due));
    }
    // One who has not waited for long ends it, and the next interval begins anew.
    tested.make_way(now, [&] { return std::optional{now - target + duration{1}}; }, [&] { RC_FAIL("shed"); });
    const auto again = now;
    for (auto sheds = shed.size(); shed.size() == sheds; now += step)
      tested.make_way(now, [&] { return std::optional{now - target}; }, [&] { shed.push_back(now); });
    RC_ASSERT(shed.back() - again >= 100ms);
    RC_ASSERT(shed.back() - again <= 100ms + 2 * step);
  });
  // So does a line that gets empty; what was not done meanwhile is not made up for.
  core::codel idle{1ms};
  auto now = time_point{1h};
  int shed = 0;
  const auto late = [&] { return std::optional{now - 1s}; };
  for (const auto end = now + 1s; now < end; now += 1ms) idle.make_way(now, late, [&] { ++shed; });
  CHECK(shed > 10);
  now += 1h;
  const auto before = shed;
  idle.make_way(now, late, [&] { ++shed; });
  CHECK(shed - before < 20);
  idle.line_is_empty();
  for (const auto end = now + 90ms; now < end; now += 1ms)
    idle.make_way(now, late, [&] { FAIL("an interval begins"); });
  core::codel alone{1ms};
  for (; now < time_point{3h}; now += 1s)
    alone.make_way(now, [] { return std::nullopt; }, [] { FAIL("the only one who waits is never shed"); });
}

TEST_CASE("deadlines come in order of time, then of scheduling, and a cancelled one never", "[parts]") {
  law("deadlines come as they would from a multimap", [] {
    const auto ops =
        *rc::gen::scale(8.0, rc::gen::container<std::vector<std::pair<int, int>>>(rc::gen::pair(
                                 rc::gen::inRange(0, 10), rc::gen::resize(100, rc::gen::inRange(0, 40)))));
    core::deadlines<int> tested;
    std::multimap<int, int> model;  // equal keys keep their order
    std::vector<std::uint32_t> ids;
    int made = 0;
    for (const auto& [what, when] : ops) {
      if (what < 5) {
        const time_point at{std::chrono::milliseconds{when}};
        ids.push_back(what < 3 ? tested.schedule_in_line(at, made) : tested.schedule(at, made));
        model.emplace(when, made++);
      } else if (what < 8 && !model.empty()) {
        auto victim = model.begin();
        std::advance(victim, static_cast<int>(static_cast<std::size_t>(when) % model.size()));
        auto& id = ids[static_cast<std::size_t>(victim->second)];
        tested.cancel(id);
        RC_ASSERT(id == 0U);
        tested.cancel(id);
        model.erase(victim);
      } else {
        const auto due = tested.pop_due(time_point{std::chrono::milliseconds{when / 4}});
        const bool any = !model.empty() && model.begin()->first <= when / 4;
        RC_ASSERT(due.has_value() == any);
        if (any) {
          RC_ASSERT(*due == model.begin()->second);
          model.erase(model.begin());
        }
      }
      RC_ASSERT(tested.size() == model.size());
      RC_ASSERT(tested.next() ==
                (model.empty() ? never_comes : time_point{std::chrono::milliseconds{model.begin()->first}}));
    }
  });
}

namespace {

struct node {
  int value = 0;
  core::list_link<node> link;
};

}  // namespace

TEST_CASE("the average of demand is that of node-cueball's filter", "[demand]") {
  // 128 taps, the i-th of weight e^(-0.2 i), that add up to one.
  std::vector<double> taps(128);
  for (std::size_t i = 0; i < taps.size(); ++i) taps[i] = std::exp(-0.2 * static_cast<double>(i));
  const auto sum = std::accumulate(taps.begin(), taps.end(), 0.0);
  cueball::core::demand ours;
  std::deque<std::uint32_t> samples;
  const auto check = [&](std::uint32_t used) {
    ours.sample(used);
    samples.push_front(used);
    double theirs = 0;
    for (std::size_t i = 0; i < taps.size() && i < samples.size(); ++i) theirs += taps[i] / sum * samples[i];
    // Ours begins with 0.1.
    CHECK(std::abs(ours.average() - theirs) <
          0.1 * std::exp(-0.2 * static_cast<double>(samples.size())) + 1e-8);
  };
  for (int i = 0; i < 40; ++i) check(100);                               // a step up
  for (int i = 0; i < 200; ++i) check(3);                                // and down
  for (std::uint32_t i = 0; i < 300; ++i) check((i * i * 7919U) % 50U);  // anything
}

TEST_CASE("a list keeps its order whatever is taken out", "[parts]") {
  law("a list keeps its order as std::list does", [] {
    const auto ops = *rc::gen::container<std::vector<std::pair<int, int>>>(
        rc::gen::pair(rc::gen::inRange(0, 3), rc::gen::resize(100, rc::gen::inRange(0, 8))));
    std::vector<node> nodes(8);
    for (int i = 0; i < 8; ++i) nodes[static_cast<std::size_t>(i)].value = i;
    core::list<node, &node::link> tested;
    std::list<int> model;
    for (const auto& [what, which] : ops) {
      auto& one = nodes[static_cast<std::size_t>(which)];
      RC_ASSERT(tested.contains(one) == (std::find(model.begin(), model.end(), which) != model.end()));
      if (what == 0 && !tested.contains(one)) {
        tested.push_back(one);
        model.push_back(which);
      } else if (what == 1) {
        tested.erase(one);
        model.remove(which);
      } else if (what == 2) {
        const auto* const first = tested.pop_front();
        RC_ASSERT((first != nullptr) == !model.empty());
        if (first) {
          RC_ASSERT(first->value == model.front());
          model.pop_front();
        }
      }
      auto expected = model.begin();
      for (const auto* at = tested.front(); at; at = tested.next(*at)) RC_ASSERT(at->value == *expected++);
      RC_ASSERT(expected == model.end());
      RC_ASSERT(tested.size() == model.size());
    }
  });
}

}  // namespace cueball::laws
