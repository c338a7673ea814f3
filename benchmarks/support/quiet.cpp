// SPDX-License-Identifier: BSL-1.0
#include "quiet.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <tuple>
#include <utility>

namespace bench {

namespace {

/// The time of all processors, and that in which they were idle, in ticks.
std::pair<std::uint64_t, std::uint64_t> machine_time() {
  std::ifstream file{"/proc/stat"};
  std::string label;
  file >> label;
  std::uint64_t all = 0, idle = 0, ticks = 0;
  // user nice system idle iowait irq softirq steal; what follows is part of user and nice
  for (int field = 0; field < 8 && file >> ticks; ++field) {
    all += ticks;
    if (field == 3 || field == 4) idle += ticks;
  }
  return {all, idle};
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

double own_time() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

constexpr double ticks_per_second = 100;  // USER_HZ of Linux

}  // namespace

cpu_watch::cpu_watch() : own_(own_time()) {
  std::tie(all_, idle_) = machine_time();
}

double cpu_watch::foreign_share() const {
  const auto [all, idle] = machine_time();
  const auto passed = static_cast<double>(all - all_);
  const auto busy = passed - static_cast<double>(idle - idle_);
  return passed > 0 ? std::max(0.0, busy - (own_time() - own_) * ticks_per_second) / passed : 0.0;
}

}  // namespace bench
