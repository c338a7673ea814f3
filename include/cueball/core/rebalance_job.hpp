// SPDX-License-Identifier: BSL-1.0
/// \file
/// A rebalance under way, in stages that take a slice at a time.
#pragma once

#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <cueball/core/backend_record.hpp>
#include <cueball/error.hpp>
#include <cueball/random.hpp>
#include <cueball/rebalance_policy.hpp>

namespace cueball::core {

/// Who takes part is settled when it begins; what is announced meanwhile is the next rebalance's.
class rebalance_job {
 public:
  enum class stage : std::uint8_t {
    none,
    gather,  ///< Backends are added one by one; those that were withdrawn leave.
    plan,    ///< The strategy works on what was gathered, outside the mutex.
    apply,   ///< Each backend is told its share: until the last one was, nothing is opened or closed for it.
    settle,  ///< Each backend gets what its share allows; nothing is opened yet.
  };

  explicit rebalance_job(std::uint64_t seed) noexcept : random_(seed) {}

  stage at() const noexcept { return stage_; }
  bool is(stage which) const noexcept { return stage_ == which; }

  /// If one is under way, it will be followed by another one.
  void begin() noexcept {
    if (stage_ != stage::none) {
      again_ = true;
      return;
    }
    stage_ = stage::gather;
    has_just_begun_ = true;
    loads_.clear();
    members_.clear();
  }

  /// As `begin`; and what the resolver has said since the last time is taken in.
  void begin_with_news() noexcept {
    has_news_ = true;
    begin();
  }

  /// True once: gathering is to start from the first backend.
  bool has_just_begun() noexcept {
    if (has_just_begun_) takes_news_in_ = std::exchange(has_news_, false);
    return std::exchange(has_just_begun_, false);
  }

  /// Else whoever took part in the last one takes part in this one.
  bool takes_news_in() const noexcept { return takes_news_in_; }

  void add(backend_record& record) {
    members_.push_back(&record);
    // Unwanted ones are present too: their marks can be taken back, which opens nothing.
    loads_.push_back({.present = record.wanted + record.unwanted - record.worn_marked,
                      .weight = record.what->weight,
                      .priority = record.what->priority,
                      .preference = record.preference,
                      .identity = record.identity});
  }

  /// \param places how many connections there may be
  void gathered(std::uint32_t places) noexcept {
    stage_ = stage::plan;
    places_ = places;
  }

  /// What is in force is out of date already.
  bool is_replanning() const noexcept {
    return is(stage::gather) || is(stage::plan) || again_ || has_failed_;
  }

  /// There is no plan: the old one stays, and another one is asked for later.
  void fail() noexcept {
    stage_ = stage::none;
    again_ = false;
    has_failed_ = true;
  }

  /// Touches nothing but what was gathered. Throws what the strategy throws, or `errc::bad_plan`.
  template <class Strategy>
  void make_plan(const Strategy& strategy) {
    const auto wanted = loads_.empty() ? 0 : places_;
    counts_ = strategy.plan(loads_, wanted, random_);
    const auto sum = std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0});
    if (sum != wanted || counts_.size() != loads_.size())
      throw_error(errc::bad_plan, std::string{Strategy::name} + " planned " + std::to_string(sum) +
                                      " connections for " + std::to_string(counts_.size()) +
                                      " backends instead of " + std::to_string(wanted) + " for " +
                                      std::to_string(loads_.size()));
  }

  void planned() noexcept {
    has_failed_ = false;
    go(stage::apply);
  }

  /// The next backend of this stage; null at its end.
  backend_record* next() noexcept { return next_ < members_.size() ? members_[next_++] : nullptr; }

  /// Of the backend that `next` gave last.
  std::uint32_t share() noexcept {
    sum_ += counts_[next_ - 1];
    return counts_[next_ - 1];
  }

  void applied() noexcept { go(stage::settle); }

  /// Sum of the shares that were given out.
  std::uint32_t target() const noexcept { return sum_; }
  std::uint32_t backends() const noexcept { return static_cast<std::uint32_t>(members_.size()); }

  /// True if another one is owed.
  bool end() noexcept {
    stage_ = stage::none;
    return std::exchange(again_, false);
  }

 private:
  void go(stage to) noexcept {
    stage_ = to;
    next_ = 0;
    if (to == stage::apply) sum_ = 0;
  }

  stage stage_ = stage::none;
  bool again_ = false;
  bool has_just_begun_ = false;
  bool has_news_ = false;
  bool takes_news_in_ = false;
  bool has_failed_ = false;
  std::size_t next_ = 0;
  std::uint32_t places_ = 0;
  std::uint32_t sum_ = 0;
  random_source random_;
  std::vector<backend_record*> members_;
  std::vector<backend_load> loads_;
  std::vector<std::uint32_t> counts_;
};

}  // namespace cueball::core
