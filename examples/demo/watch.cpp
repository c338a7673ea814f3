// SPDX-License-Identifier: BSL-1.0
#include "watch.hpp"

#include <algorithm>
#include <thread>
#include <utility>

namespace demo {

namespace {

constexpr std::chrono::milliseconds between_looks{20};
constexpr std::chrono::milliseconds settled{250};

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// What tells whether anything moves at these backends; empty if something does, or if they are not there.
std::vector<std::uint64_t> at_rest(const cueball::pool_stats& stats,
                                   const std::vector<std::string>& reachable,
                                   const std::vector<std::string>& unreachable) {
  std::vector<std::uint64_t> counts{stats.rebalances};
  for (const auto& row : stats.backends) {
    if (contains(unreachable, row.where.name)) continue;
    const bool moves = row.slots.connecting + row.slots.closing > 0;
    if (moves || !row.live || !contains(reachable, row.where.name)) return {};
    counts.insert(counts.end(), {row.counters.opened, row.counters.closed});
  }
  return counts.size() == 2 * reachable.size() + 1 ? counts : std::vector<std::uint64_t>{};
}

}  // namespace

void watch::look() {
  const auto time = clock::now();
  const auto since = users_.take();
  now_.time = time - begin_;
  now_.stats = pool_.stats();
  now_.all += since;
  since_taken_ += since;

  recent_.emplace_back(time, since);
  while (recent_.size() > 2 && recent_[1].first <= time - std::chrono::seconds{1}) recent_.pop_front();
  // What the oldest look found had happened before it.
  now_.last = {};
  for (auto recent = std::next(recent_.begin()); recent != recent_.end(); ++recent)
    now_.last += recent->second;
  now_.last_length = time - recent_.front().first;

  const auto& [opened, closed] = std::pair{now_.stats.counters.opened, now_.stats.counters.closed};
  ++snapshots_;
  if (opened != closed + now_.stats.slots.total()) ++wrong_snapshots_;
  shown_.show(now_);
}

void watch::pass(seconds length) {
  const auto end = clock::now() + std::chrono::duration_cast<clock::duration>(length);
  while (clock::now() < end) {
    std::this_thread::sleep_for(std::min<clock::duration>(between_looks, end - clock::now()));
    look();
  }
}

bool watch::until(const std::function<bool(const cueball::pool_stats&)>& condition) {
  const auto end = clock::now() + limit;
  for (look(); !condition(now_.stats); look()) {
    if (clock::now() >= end) return false;
    std::this_thread::sleep_for(between_looks);
  }
  return true;
}

std::optional<watch::clock::time_point> watch::until_quiet(const std::vector<std::string>& reachable,
                                                           const std::vector<std::string>& unreachable) {
  std::vector<std::uint64_t> before;
  auto since = clock::now();
  const bool quiet = until([&](const cueball::pool_stats& stats) {
    auto counts = at_rest(stats, reachable, unreachable);
    if (counts.empty() || counts != before) since = clock::now();
    before = std::move(counts);
    return !before.empty() && clock::now() - since >= settled;
  });
  return quiet ? std::optional{since} : std::nullopt;
}

tally watch::take() {
  look();
  return std::exchange(since_taken_, {});
}

}  // namespace demo
