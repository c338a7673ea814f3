// SPDX-License-Identifier: BSL-1.0
#include "print.hpp"

#include <cstdint>
#include <iomanip>
#include <ostream>
#include <string>

namespace coherence {

namespace {

std::string percent(double share) {
  const auto tenths = static_cast<std::uint64_t>(share * 1000 + 0.5);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " %";
}

std::string run_of(const figures& mean) {
  if (mean.longest_run == 0) return "-";
  const auto tenths = static_cast<std::uint64_t>(mean.longest_run * 10 + 0.5);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
}

/// What happened in the minute that ends at `until`.
std::string events(const load& offered, cueball::duration until) {
  const auto from = until - std::chrono::minutes{1};
  std::string text;
  for (std::uint32_t backend = 0; backend < backends; ++backend)
    for (const auto& one : offered.pauses(backend)) {
      const auto at = one.end.time_since_epoch();
      if (at > from && at <= until)
        text += "  " + std::string(1, static_cast<char>('A' + backend)) + " had paused";
    }
  if (until > cueball::duration{} && until % between_shuffles == cueball::duration{}) text += "  shuffled";
  return text;
}

void print_orders(const results& all, std::ostream& out) {
  out << "The idle queue, the next to be claimed on the left; three claims at once every 100 ms\n\n"
         "       queue::fifo           queue::random         queue::lifo\n"
         "       never      300 s      never      300 s      never      300 s\n";
  const auto& samples = all.pools.front().what.samples;
  for (std::size_t i = 0; i < samples.size() && samples[i].at <= shown; ++i) {
    if (samples[i].at % std::chrono::minutes{1} != cueball::duration{}) continue;
    out << std::right << std::setw(5) << clock_time(samples[i].at);
    for (const auto& one : all.pools) out << "  " << one.what.samples[i].order;
    out << events(all.offered, samples[i].at) << '\n';
  }
  out << "\nqueue::random keeps no order: its column shows what nine claims drew.\n";
}

void print_figures(const pool_result& one, std::ostream& out) {
  const auto& mean = one.what.mean;
  out << std::left << std::setw(15) << one.queue << std::setw(7) << one.shuffle << std::right << std::setw(6)
      << run_of(mean) << std::setw(10) << percent(mean.same_again) << std::fixed << std::setprecision(2)
      << std::setw(10) << mean.nine_claims << std::setw(7) << mean.sample_claims << std::setw(8)
      << mean.all_claims << std::setw(11) << percent(mean.three_on_one) << std::setw(11)
      << percent(mean.three_on_three) << '\n';
}

constexpr const char* head =
    "                     longest      same     variation of the       three claims in\n"
    "queue          shuffle   run   backend   claims a backend, of         a row hit\n"
    "                                 again      9   15 s     all        one     three\n";

}  // namespace

void print(const results& all, std::ostream& out) {
  out << "Nine connections over the backends A, B and C. A claim takes some 8 ms; but now and then, 5 to 15\n"
         "minutes from its last time, a backend pauses for a second, and goes on then.\n\n";
  print_orders(all, out);
  out << "\nSix hours of three claims at once\n\n" << head;
  for (const auto& one : all.pools) print_figures(one, out);
  out << "\nThe same, shuffled more often\n\n" << head;
  for (const auto& one : all.more_often) print_figures(one, out);
  out << "\nTen minutes of six claimers, each of which claims again as soon as it has released\n\n" << head;
  for (const auto& one : all.busy) print_figures(one, out);
  out << "\n"
      << clients
      << " clients that were started together, each with a pool like that: all claim at the same instant,\n"
         "every 100 ms. The part of them that is with the busiest backend at an instant, in the mean\n\n"
         "queue          shuffle   claims left out   first 5 min   later\n";
  for (const auto& one : all.fleets)
    out << std::left << std::setw(15) << one.queue << std::setw(10) << one.shuffle << std::setw(15)
        << one.out_of_step << std::right << std::setw(14) << percent(one.what.busiest_at_first)
        << std::setw(9) << percent(one.what.busiest_later) << '\n';
}

}  // namespace coherence
