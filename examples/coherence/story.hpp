// SPDX-License-Identifier: BSL-1.0
/// \file
/// One pool under one load: its idle order over time, and how even its claims were.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <queue>
#include <string>
#include <vector>

#include <cueball/core/slot.hpp>
#include <cueball/evenness.hpp>
#include <cueball/random.hpp>
#include <cueball/time.hpp>

#include "load.hpp"
#include "simulated_pool.hpp"

namespace coherence {

enum class kind_of_load {
  bursts,  ///< Three claims at once, every 100 ms; between two bursts all connections are back.
  busy,    ///< Six claimers, each of which claims again as soon as it has released.
};

/// Of bursts that is fifty times round nine connections: in a queue that keeps its order all samples are
/// alike.
inline constexpr cueball::duration between_samples = std::chrono::seconds{15};

struct sample {
  cueball::duration at;
  std::string order;  ///< What claims would get, one after the other.
};

/// Means over the whole run.
struct figures {
  double longest_run = 0;     ///< `pool_stats::longest_run`
  double same_again = 0;      ///< Claims that got the backend of the claim before.
  double nine_claims = 0;     ///< Variation of the claims a backend, of nine in a row.
  double sample_claims = 0;   ///< The same of the claims between two samples, by `evenness_between`.
  double all_claims = 0;      ///< The same of all claims.
  double three_on_one = 0;    ///< Of three claims in a row: all got the same backend,
  double three_on_three = 0;  ///< or each another.
};

struct told {
  std::vector<sample> samples;
  figures mean;
};

/// How evenly a row of claims fell on the backends.
class tally {
 public:
  void add(std::uint32_t backend) {
    if (claims_ > 0 && backend == last_) ++same_again_;
    last_ = backend;
    ++claims_;
    ++of_three_[backend];
    ++of_nine_[backend];
    ++of_all_[backend];
    if (claims_ % 3 == 0) {
      const auto used =
          std::count_if(of_three_.begin(), of_three_.end(), [](auto count) { return count > 0; });
      if (used == 1) ++on_one_;
      if (used == 3) ++on_three_;
      of_three_ = {};
    }
    if (claims_ % 9 == 0) {
      variations_ += variation(of_nine_);
      of_nine_ = {};
    }
  }

  void report(figures& into) const {
    const auto claims = static_cast<double>(claims_);
    into.same_again = static_cast<double>(same_again_) / claims;
    into.three_on_one = 3 * static_cast<double>(on_one_) / claims;
    into.three_on_three = 3 * static_cast<double>(on_three_) / claims;
    into.nine_claims = 9 * variations_ / claims;
    into.all_claims = variation(of_all_);
  }

 private:
  using counts = std::array<std::uint64_t, backends>;

  static double variation(const counts& of) {
    const auto mean = static_cast<double>(of[0] + of[1] + of[2]) / backends;
    double squares = 0;
    for (const auto count : of) {
      const auto off = static_cast<double>(count) / mean - 1;
      squares += off * off;
    }
    return std::sqrt(squares / backends);
  }

  std::uint64_t claims_ = 0;
  std::uint32_t last_ = 0;
  std::uint64_t same_again_ = 0;
  counts of_three_{};
  counts of_nine_{};
  counts of_all_{};
  std::uint64_t on_one_ = 0;
  std::uint64_t on_three_ = 0;
  double variations_ = 0;
};

template <class Queue, class Decoherence>
class story {
 public:
  story(const load& what, const Decoherence& decoherence) : load_(what), pool_{decoherence, 1} {
    pool_.pass_until(now_);
  }

  told play(kind_of_load kind, cueball::duration length) {
    using std::chrono::milliseconds;
    told all;
    double runs = 0;
    double variations = 0;
    all.samples.push_back({{}, pool_.order()});
    auto since = pool_.stats();
    auto next_sample = cueball::time_point{between_samples};
    if (kind == kind_of_load::busy)
      for (int i = 0; i < 6; ++i) claim();
    for (auto at = now_; at <= cueball::time_point{length}; at += milliseconds{100}) {
      pass_until(at, kind);
      if (at >= next_sample) {
        next_sample += between_samples;
        const auto stats = pool_.stats();
        variations += cueball::evenness_between(since, stats).variation;
        runs += stats.longest_run;
        all.samples.push_back({at.time_since_epoch(), pool_.order()});
        since = pool_.stats();
      }
      if (kind == kind_of_load::bursts)
        for (int i = 0; i < 3; ++i) claim();
    }
    tally_.report(all.mean);
    all.mean.longest_run = runs / static_cast<double>(all.samples.size() - 1);
    all.mean.sample_claims = variations / static_cast<double>(all.samples.size() - 1);
    return all;
  }

 private:
  struct holder {
    cueball::time_point until;
    std::uint64_t number;  ///< Decides who is first where two end together.
    cueball::core::slot_base* slot;

    friend bool operator<(const holder& left, const holder& right) {
      return left.until != right.until ? left.until > right.until : left.number > right.number;
    }
  };

  void claim() {
    auto& slot = pool_.claim();
    tally_.add(slot.backend);
    holders_.push({load_.end_of_claim(slot.backend, now_, random_), ++claims_, &slot});
  }

  void pass_until(cueball::time_point until, kind_of_load kind) {
    while (!holders_.empty() && holders_.top().until <= until) {
      const auto next = holders_.top();
      holders_.pop();
      pool_.pass_until(now_ = next.until);
      pool_.release(*next.slot);
      if (kind == kind_of_load::busy) claim();
    }
    pool_.pass_until(now_ = until);
  }

  const load& load_;
  cueball::time_point now_{std::chrono::seconds{1}};  // by then it is full
  simulated_pool<Queue, Decoherence> pool_;
  cueball::random_source random_{1};
  std::priority_queue<holder> holders_;
  std::uint64_t claims_ = 0;
  tally tally_;
};

}  // namespace coherence
