// SPDX-License-Identifier: BSL-1.0
/// \file
/// What the programs share: how long a sample takes, how benchmarks are named, and what they tell.
#pragma once

#include <chrono>
#include <string>

#include <benchmark/benchmark.h>

#include "team.hpp"

namespace bench {

/// Of one sample; the argument `--milliseconds=N`, 150 without.
std::chrono::milliseconds sample_length();

/// Adds a benchmark that takes one sample, under the name `WHAT/SETTING/WHO`. It calls `tell`, or sets
/// `SetIterationTime` and the counter `foreign` itself.
template <class Function>
void add(const std::string& what, const std::string& setting, const std::string& who, Function function) {
  benchmark::RegisterBenchmark((what + '/' + setting + '/' + who).c_str(), function)
      ->Iterations(1)
      ->UseManualTime();
}

/// The time of a cycle, and who disturbed.
void tell(benchmark::State& state, const sample& result);

/// Whatever is claimed is taken for used, and the compiler knows nothing of the memory behind.
template <class Held>
void use(Held& held) {
  const auto* const what = &*held;
  asm volatile("" : : "r"(what) : "memory");
}

}  // namespace bench
