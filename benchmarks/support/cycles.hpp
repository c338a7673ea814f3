// SPDX-License-Identifier: BSL-1.0
/// \file
/// Claim and release, with nothing in between.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

#include "fixed.hpp"
#include "program.hpp"

namespace bench {

inline constexpr int connections = 16;

/// `Subject{threads, connections}` is what connections are claimed from. `subject.claim(thread)` returns what
/// holds one, which gives it back at the end of its scope.
template <class Subject>
void measure_cycles(benchmark::State& state, int threads) {
  constexpr int batch = 64;
  for (auto _ : state) {
    Subject subject{threads, connections};
    tell(state, measure(threads, sample_length(), [&](worker& self, int thread) {
           while (self.goes_on()) {
             for (int i = 0; i < batch; ++i) {
               auto held = subject.claim(thread);
               use(held);
             }
             self.did(batch);
           }
         }));
  }
}

template <class Subject>
bool add_cycles(const std::string& who, std::initializer_list<int> threads = {1, 2, 8}) {
  for (const int count : threads)
    add("cycle", std::to_string(count), who,
        [count](benchmark::State& state) { measure_cycles<Subject>(state, count); });
  return true;
}

/// The same as a fixed loop, on one thread.
template <class Subject>
bool add_fixed_cycles(const std::string& who) {
  return add_fixed(who, [](std::uint64_t cycles) {
    Subject subject{1, connections};
    for (std::uint64_t i = 0; i < cycles; ++i) {
      auto held = subject.claim(0);
      use(held);
    }
  });
}

}  // namespace bench
