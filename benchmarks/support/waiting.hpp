// SPDX-License-Identifier: BSL-1.0
/// \file
/// More threads than connections: each connection is held for a while, and the others wait.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "program.hpp"

namespace bench {

struct waiting_setting {
  int threads;
  std::chrono::microseconds held;
  bool asleep;  ///< Else busy.

  std::string name() const;

  /// So long that each thread gets its turn some dozen times.
  std::chrono::milliseconds length() const;
};

const std::vector<waiting_setting>& waiting_settings();

void hold(const waiting_setting& how);

/// How long claims took, while it was measured.
class waits {
 public:
  using clock = std::chrono::steady_clock;

  void add(clock::duration length) { all_.push_back(length); }
  void add(const waits& more) { all_.insert(all_.end(), more.all_.begin(), more.all_.end()); }

  /// \param share 0.5: the median. In microseconds.
  double percentile(double share);

 private:
  std::vector<clock::duration> all_;
};

void tell_waiting(benchmark::State& state, const sample& result, std::vector<waits>& each);

template <class Subject>
void measure_waiting(benchmark::State& state, const waiting_setting& how, int threads) {
  for (auto _ : state) {
    Subject subject{threads, 2};
    std::vector<waits> each(static_cast<std::size_t>(threads));
    const auto result = measure(threads, how.length(), [&](worker& self, int thread) {
      waits own;
      while (self.goes_on()) {
        const auto begin = waits::clock::now();
        auto held = subject.claim(thread);
        if (self.is_measured()) own.add(waits::clock::now() - begin);
        use(held);
        hold(how);
        self.did(1);
      }
      each[static_cast<std::size_t>(thread)] = std::move(own);
    });
    tell_waiting(state, result, each);
  }
}

/// \param threads 0: as many as the setting says
template <class Subject>
bool add_waiting(const std::string& who, int threads = 0) {
  for (const auto& how : waiting_settings())
    add("waiting", how.name(), who, [how, threads](benchmark::State& state) {
      measure_waiting<Subject>(state, how, threads > 0 ? threads : how.threads);
    });
  return true;
}

}  // namespace bench
