// SPDX-License-Identifier: BSL-1.0
/// \file
/// What a resolver tells while what it finds changes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <cueball/laws/backend_source.hpp>
#include <cueball/laws/replay.hpp>
#include <cueball/laws/resolver_laws.hpp>
#include <cueball/laws/resolver_terms.hpp>
#include <cueball/laws/rule_broken.hpp>

namespace cueball::laws::detail {

template <backend_source Source>
replay::counter counter_of(const Source& source) {
  if constexpr (counting_source<Source>)
    return [&source] { return static_cast<std::uint64_t>(source.asked()); };
  else
    return {};
}

/// Turns the source, and compares what is told with what it has.
template <class Make, backend_source Source>
class resolver_changes {
 public:
  resolver_changes(const resolver_laws<Make>& laws, Source& source, const resolver_terms& terms)
      : laws_(laws),
        source_(source),
        terms_(terms),
        draw_(terms.seed),
        candidates_(candidates_of(source)),
        which_(laws.make()) {}

  void try_all() {
    try {
      answer(some());
      begin();
      for (std::uint32_t i = 0; i < terms_.changes; ++i) change(i < kinds ? i : draw(2 * kinds));
      end();
    } catch (const rule_broken& broken) {
      throw rule_broken{broken.what() + ("\nwith seed " + std::to_string(terms_.seed)) + " after" + story_};
    }
  }

 private:
  static constexpr std::uint32_t kinds = 4;  ///< Of changes, beside the most usual one.

  std::uint32_t draw(std::uint32_t end) { return static_cast<std::uint32_t>(draw_() % end); }

  void tell(const std::string& what) { story_ += "\n  " + what; }

  std::vector<backend> some() {
    auto all = candidates_;
    std::shuffle(all.begin(), all.end(), draw_);
    all.resize(1 + draw(static_cast<std::uint32_t>(all.size())));
    return one_of_each_key(all);
  }

  void change(std::uint32_t kind) {
    if (told_->take_told() != awaited_ && has_named_)
      throw rule_broken{"differences only: something was told though nothing had changed"};
    awaited_.clear();
    switch (kind) {
      case 0:
        tell("the same again");
        return turn(now_);
      case 1:
        return fail();
      case 2:
        return turn({});
      case 3:
        return restart(draw(2) == 0 ? now_ : draw(5) == 0 ? std::vector<backend>{} : some());
      default:
        return turn(some());
    }
  }

  void begin() {
    tell("a run begins");
    has_named_ = false;
    run_.emplace(which_, told_);
    settle();
    awaited_ = told_->look().told;
  }

  void end() {
    tell("it is told to end");
    run_->stop(terms_.stop_limit);
    run_.reset();
  }

  void answer(const std::vector<backend>& what) {
    tell("answer " + to_text(by_key(what)));
    now_ = what;
    is_believed_ = !what.empty() || terms_.how.empty != 0;
    if (is_believed_) expected_ = by_key(what);
    source_.answer(what);
  }

  /// The run goes on.
  void turn(const std::vector<backend>& what) {
    const auto before = expected_;
    const bool is_first = !has_named_;
    answer(what);
    settle();
    if (is_first) {
      awaited_ = told_->look().told;
      return;
    }
    for (const auto& [key, where] : expected_)
      if (const auto old = before.find(key); old == before.end())
        awaited_[key] = {.added = 1};
      else if (old->second != where)
        awaited_[key] = {.changed = 1};
    for (const auto& [key, where] : before)
      if (!expected_.contains(key)) awaited_[key] = {.removed = 1};
    if (const auto told = told_->look().told; told != awaited_)
      throw rule_broken{"differences only: this was to be told: " + to_text(awaited_) +
                        ", and this was: " + to_text(told)};
  }

  /// Until what is told is what the source has.
  void settle() {
    const auto rounds = rounds_ + (is_believed_ && !has_named_);
    const auto seen = told_->wait_for(terms_.limit, [&](const replay::view& all) {
      return all.known == expected_ && all.rounds >= rounds;
    });
    demand(seen.rounds >= rounds, "a run names all, and says so, in time");
    if (seen.known != expected_)
      throw rule_broken{"replayed, what was told is the answer: it is " + to_text(seen.known) +
                        ", and should be " + to_text(expected_)};
    rounds_ = seen.rounds;
    has_named_ = has_named_ || is_believed_;
    if constexpr (counting_source<Source>) {
      const std::uint64_t least =
          now_.empty() ? std::max(terms_.how.missing, terms_.how.empty) : terms_.how.missing;
      demand(seen.least_asked >= least, "what is missing goes when patience is over, and not before");
    }
    wait_for_questions(2);  // what is nothing new is looked at as well
  }

  /// Where these can be counted.
  void wait_for_questions(std::uint64_t count) {
    if constexpr (counting_source<Source>)
      demand(in_time(terms_.limit, [&] { return source_.asked() >= count; }), "it asks again, in time");
  }

  void fail() {
    if constexpr (failing_source<Source>) {
      tell("it fails");
      const auto before = told_->look();
      source_.fail();
      const auto is_heard = [&](const replay::view& all) { return all.failures > before.failures; };
      demand(is_heard(told_->wait_for(terms_.limit, is_heard)), "a failure is told, in time");
      wait_for_questions(2 + std::max(terms_.how.missing, terms_.how.empty));
      const auto after = told_->look();
      demand(after.known == before.known && after.told.empty(), "a failure changes no backend");
      if (draw(3) == 0) return restart(some());
      tell("it recovers");
      turn(draw(2) == 0 ? now_ : some());
    }
  }

  void restart(const std::vector<backend>& what) {
    end();
    answer(what);
    told_->take_told();
    begin();
    if (!is_believed_) return;
    const auto told = told_->look().told;
    for (const auto& [key, where] : expected_)
      demand(told.contains(key) && told.at(key).added == 1, "a run begins with all that there is");
  }

  const resolver_laws<Make>& laws_;
  Source& source_;
  const resolver_terms& terms_;
  std::mt19937_64 draw_;
  const std::vector<backend> candidates_;
  const std::shared_ptr<typename resolver_laws<Make>::resolver> which_;
  const std::shared_ptr<replay> told_ = std::make_shared<replay>(counter_of(source_));
  std::optional<typename resolver_laws<Make>::run> run_;
  std::vector<backend> now_;  ///< What the source says.
  bool is_believed_ = true;   ///< False if that is nothing, and patience has no end.
  backends_by_key expected_;  ///< What is to be known.
  replay::tallies awaited_;   ///< What had to be told since the last change.
  bool has_named_ = false;    ///< The present run.
  std::uint64_t rounds_ = 0;  ///< Of all runs.
  std::string story_;
};

}  // namespace cueball::laws::detail
