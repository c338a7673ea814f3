// SPDX-License-Identifier: BSL-1.0
#include "program.hpp"

#include <algorithm>
#include <iostream>
#include <string_view>

#include "fixed.hpp"

namespace bench {

namespace {

std::chrono::milliseconds length_of_samples{150};

/// The value of an argument `NAME=VALUE`, which is taken out; empty if there is none.
std::string take_argument(int& count, char** arguments, std::string_view name) {
  char** const end = arguments + count;
  char** const found =
      std::find_if(arguments, end, [&](std::string_view argument) { return argument.starts_with(name); });
  if (found == end) return {};
  const std::string value{std::string_view{*found}.substr(name.size())};
  std::copy(found + 1, end, found);
  --count;
  return value;
}

}  // namespace

std::chrono::milliseconds sample_length() {
  return length_of_samples;
}

void tell(benchmark::State& state, const sample& result) {
  state.SetIterationTime(result.seconds_per_cycle());
  state.counters["foreign"] = result.foreign_share;
}

}  // namespace bench

// Google Benchmark's, and two arguments more: `--milliseconds=N`, and `--fixed=WHO:N`, which does N cycles of
// a fixed loop and nothing else, to be counted by callgrind.
int main(int count, char** arguments) {
  if (const auto given = bench::take_argument(count, arguments, "--milliseconds="); !given.empty())
    bench::length_of_samples = std::chrono::milliseconds{std::stoi(given)};
  if (const auto given = bench::take_argument(count, arguments, "--fixed="); !given.empty())
    return bench::run_fixed(given) ? 0 : 1;
  benchmark::Initialize(&count, arguments);
  if (benchmark::ReportUnrecognizedArguments(count, arguments)) return 1;
  return benchmark::RunSpecifiedBenchmarks() > 0 ? 0 : 1;
}
