// SPDX-License-Identifier: BSL-1.0
/// \file
/// What the statistics say of the order of use, against what was used.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include <cueball/core/front.hpp>
#include <cueball/core/slot.hpp>
#include <cueball/evenness.hpp>
#include <cueball/queue/fifo.hpp>
#include <cueball/queue/lifo.hpp>
#include <cueball/threading/single_threaded.hpp>

#include <cueball/laws/law.hpp>

#include <support/catch.hpp>

namespace cueball::laws {

namespace {

/// Puts, takes, removals and shuffles in any order; then everything is taken out.
template <class Queue>
void check_measured() {
  using front = core::front<Queue, threading::single_threaded>;
  const auto ops = *rc::gen::scale(4.0, rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 1000)));
  const auto most = *rc::gen::inRange<std::uint32_t>(1, 15);
  std::vector<core::slot_base> slots(12);
  for (std::uint32_t i = 0; i < 12; ++i) {
    slots[i].index = i;
    slots[i].backend = i % 3;
  }
  random_source random{1};
  front idle{Queue{}, slots.size(), random_source{2}, slots};
  idle.shut(core::gate::not_running, false);
  for (const auto op : ops) {
    auto& slot = slots[static_cast<std::size_t>(op / 4) % slots.size()];
    if (op % 4 == 0) {
      idle.take();
    } else if (op % 16 == 1) {
      idle.shuffle_on(random, 3);
    } else if (slot.state != core::slot_state::idle) {
      idle.put(slot);
    } else if (op % 4 == 3) {
      idle.remove(slot);
      slot.state = core::slot_state::claimed;
    }
  }
  const auto measured = idle.measure(most);
  RC_ASSERT(measured.idle == idle.idle());
  std::vector<std::uint32_t> order;
  while (const auto* const slot = idle.take()) order.push_back(slot->backend);
  RC_ASSERT(measured.idle == order.size());
  order.resize(std::min<std::size_t>(order.size(), most));
  std::uint32_t longest = 0;
  for (auto begin = order.begin(); begin != order.end();) {
    const auto end = std::find_if(begin, order.end(), [&](auto backend) { return backend != *begin; });
    longest = std::max(longest, static_cast<std::uint32_t>(end - begin));
    begin = end;
  }
  RC_ASSERT(measured.longest_run == longest);
  RC_ASSERT(measured.looked_at == order.size());
  std::uint32_t repeats = 0;
  for (std::size_t i = 1; i < order.size(); ++i) repeats += order[i] == order[i - 1];
  RC_ASSERT(measured.repeats == repeats);
  RC_ASSERT(measured.excess() <= 1.0 + 1e-9);
  // Small enough to look through all orders.
  if (order.size() > 6 || order.empty()) return;
  std::vector<std::size_t> places(order.size());
  std::iota(places.begin(), places.end(), std::size_t{0});
  std::uint64_t orders = 0;
  std::uint64_t all_repeats = 0;
  std::uint64_t most_repeats = 0;
  do {
    std::uint64_t its = 0;
    for (std::size_t i = 1; i < places.size(); ++i) its += order[places[i]] == order[places[i - 1]];
    most_repeats = std::max(most_repeats, its);
    all_repeats += its;
    ++orders;
  } while (std::next_permutation(places.begin(), places.end()));
  const auto mean = static_cast<double>(all_repeats) / static_cast<double>(orders);
  const auto range = static_cast<double>(most_repeats) - mean;
  const auto expected = range > 1e-9 ? (repeats - mean) / range : 0.0;
  RC_ASSERT(std::abs(measured.by_chance - mean) < 1e-9);
  RC_ASSERT(std::abs(measured.excess() - expected) < 1e-9);
}

/// Five snapshots of a pool of up to five backends, which come, are claimed, and go.
struct history {
  std::vector<pool_stats> snapshots;

  history() {
    pool_stats now;
    for (int i = 0; i < 5; ++i) {
      for (std::uint32_t k = 0; k < 5; ++k) {
        const auto key = std::to_string(k);
        const auto row = std::find_if(now.backends.begin(), now.backends.end(),
                                      [&](const backend_stats& one) { return one.key == key; });
        switch (*rc::gen::inRange(0, 6)) {
          case 0:
            if (row != now.backends.end()) now.backends.erase(row);
            break;
          case 1:
            if (row == now.backends.end()) now.backends.emplace_back().key = key;
            break;
          default:
            if (row == now.backends.end()) break;
            row->planned = *rc::gen::inRange(0U, 4U);
            const auto claims = *rc::gen::inRange(0U, 50U);
            row->counters.claims += claims;
            now.counters.claims += claims;
        }
      }
      snapshots.push_back(now);
    }
  }
};

}  // namespace

TEST_CASE("what is measured is the order of claiming, among as many as are looked at", "[coherence]") {
  law("fifo", check_measured<queue::fifo>);
  law("lifo", check_measured<queue::lifo>);
}

TEST_CASE("the claims of a window add up, and so do their even shares", "[coherence]") {
  law("two snapshots, and one between them that nobody took", [] {
    const history all;
    const auto& before = all.snapshots[2];
    const auto& after = all.snapshots[4];
    const auto window = evenness_between(before, after);
    RC_ASSERT(window.backends.size() == after.backends.size());
    auto claims = window.elsewhere;
    double counted = 0;
    double even = 0;
    double most_even = 0;
    for (const auto& share : window.backends) {
      claims += share.claims;
      even += share.even;
      if (share.even <= 0) continue;
      counted += static_cast<double>(share.claims);
      most_even = std::max(most_even, static_cast<double>(share.claims) / share.even);
    }
    RC_ASSERT(claims == after.counters.claims - before.counters.claims);
    RC_ASSERT(std::abs(even - counted) < 1e-6);
    RC_ASSERT(std::abs(window.busiest - most_even) < 1e-9);
    RC_ASSERT(counted == 0.0 || window.busiest > 1 - 1e-9);
    RC_ASSERT(window.variation >= 0);
    // Of numbers from 0 to m, whose mean is 1, the variance is m - 1 at the most.
    RC_ASSERT(counted == 0.0 || window.variation * window.variation <= window.busiest - 1 + 1e-9);
  });
}

TEST_CASE("a window is the sum of its parts where no backend went", "[coherence]") {
  law("three snapshots", [] {
    const history all;
    const auto first = evenness_between(all.snapshots[2], all.snapshots[3]);
    const auto second = evenness_between(all.snapshots[3], all.snapshots[4]);
    const auto both = evenness_between(all.snapshots[2], all.snapshots[4]);
    const auto claims_of = [](const evenness& window, const std::string& key) {
      for (const auto& share : window.backends)
        if (share.key == key) return share.claims;
      return std::uint64_t{0};
    };
    if (first.elsewhere != 0 || second.elsewhere != 0) RC_DISCARD("one went");
    for (const auto& share : both.backends)
      RC_ASSERT(share.claims == claims_of(first, share.key) + claims_of(second, share.key));
  });
}

}  // namespace cueball::laws
