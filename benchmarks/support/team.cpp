// SPDX-License-Identifier: BSL-1.0
#include "team.hpp"

#include <sys/prctl.h>

#include <algorithm>
#include <numeric>
#include <thread>

#include "quiet.hpp"

namespace bench {

namespace {

constexpr std::chrono::milliseconds warm_up{40};

std::vector<std::uint64_t> counts(const std::vector<worker>& workers) {
  std::vector<std::uint64_t> all;
  for (const auto& one : workers) all.push_back(one.count());
  return all;
}

}  // namespace

double sample::total() const {
  return static_cast<double>(std::accumulate(cycles.begin(), cycles.end(), std::uint64_t{0}));
}

double sample::unfairness() const {
  const auto [least, most] = std::minmax_element(cycles.begin(), cycles.end());
  return static_cast<double>(*most) / std::max(1.0, static_cast<double>(*least));
}

sample measure(int threads, std::chrono::milliseconds length,
               const std::function<void(worker& self, int thread)>& work) {
  std::atomic<phase> now{phase::warming_up};
  std::vector<worker> workers(static_cast<std::size_t>(threads));
  std::vector<std::jthread> team;
  for (int thread = 0; thread < threads; ++thread) {
    auto& self = workers[static_cast<std::size_t>(thread)];
    self.watch(now);
    team.emplace_back([&work, &self, thread] {
      ::prctl(PR_SET_TIMERSLACK, 1UL);
      work(self, thread);
    });
  }
  std::this_thread::sleep_for(warm_up);

  sample result;
  const cpu_watch others;
  const auto before = counts(workers);
  const auto begin = std::chrono::steady_clock::now();
  now = phase::measuring;
  std::this_thread::sleep_for(length);
  now = phase::over;
  const auto end = std::chrono::steady_clock::now();
  result.cycles = counts(workers);
  result.foreign_share = others.foreign_share();

  std::transform(result.cycles.begin(), result.cycles.end(), before.begin(), result.cycles.begin(),
                 std::minus{});
  result.seconds = std::chrono::duration<double>(end - begin).count();
  return result;
}

}  // namespace bench
