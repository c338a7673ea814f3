// SPDX-License-Identifier: BSL-1.0
#include "verdict.hpp"

#include <algorithm>
#include <cmath>
#include <ostream>
#include <utility>
#include <vector>

namespace demo {

namespace {

const cueball::backend_stats* find(const cueball::pool_stats& stats, const std::string& name) {
  const auto found = std::find_if(stats.backends.begin(), stats.backends.end(),
                                  [&](const auto& row) { return row.where.name == name; });
  return found == stats.backends.end() ? nullptr : &*found;
}

}  // namespace

std::string to_string(const numbers& all) {
  std::string text;
  for (const auto& [name, number] : all)
    text += (text.empty() ? "" : ", ") + name + ' ' + std::to_string(number);
  return text;
}

std::uint64_t sum(const numbers& all) {
  std::uint64_t sum = 0;
  for (const auto& [name, number] : all) sum += number;
  return sum;
}

std::uint64_t spread(const numbers& all) {
  if (all.empty()) return 0;
  const auto [smallest, biggest] = std::minmax_element(
      all.begin(), all.end(), [](const auto& one, const auto& other) { return one.second < other.second; });
  return biggest->second - smallest->second;
}

numbers up(const cueball::pool_stats& stats, const std::vector<std::string>& names) {
  numbers all;
  for (const auto& name : names) {
    const auto* const row = find(stats, name);
    all[name] = row ? row->slots.idle + row->slots.claimed + row->slots.checking : 0;
  }
  return all;
}

numbers ever_up(const cueball::pool_stats& stats, const std::vector<std::string>& names) {
  numbers all;
  for (const auto& name : names) {
    const auto* const row = find(stats, name);
    all[name] = row ? row->counters.opened - row->counters.connect_failures - row->slots.connecting : 0;
  }
  return all;
}

numbers fewest_to_open(const numbers& present, std::uint64_t target) {
  if (present.empty()) return {};
  const auto share = target / present.size();
  auto left = target % present.size();
  // Who has more than the share is the one to keep one more.
  std::vector<std::pair<std::string, std::uint64_t>> order(present.begin(), present.end());
  std::sort(order.begin(), order.end(),
            [](const auto& one, const auto& other) { return one.second > other.second; });
  numbers to_open;
  for (const auto& [name, has] : order) {
    const auto wanted = share + (left > 0 ? 1 : 0);
    left -= left > 0 ? 1 : 0;
    to_open[name] = wanted > has ? wanted - has : 0;
  }
  return to_open;
}

double unevenness(const numbers& all) {
  const auto even = static_cast<double>(sum(all)) / static_cast<double>(std::max<std::size_t>(all.size(), 1));
  if (even == 0) return 1;  // nothing at all is no even share
  double furthest = 0;
  for (const auto& [name, number] : all)
    furthest = std::max(furthest, std::abs(static_cast<double>(number) - even) / even);
  return furthest;
}

void verdict::rule(std::string what, bool held, std::string measured) {
  lines_.push_back({std::move(what), held, std::move(measured)});
  if (!held) ++broken_;
}

void verdict::print(std::ostream& out, bool colours) const {
  const auto paint = [colours](const char* code) { return colours ? code : ""; };
  out << "\nVERDICT\n";
  for (const auto& [what, held, measured] : lines_)
    out << (held ? paint("\033[32m") : paint("\033[1;31m")) << (held ? "  ok      " : "  BROKEN  ")
        << paint("\033[0m") << what << "\n          " << measured << '\n';
  if (broken_ == 0)
    out << "All " << lines_.size() << " rules held.\n";
  else
    out << broken_ << " of " << lines_.size() << " rules BROKEN.\n";
}

}  // namespace demo
