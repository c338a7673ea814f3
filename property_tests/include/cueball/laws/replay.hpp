// SPDX-License-Identifier: BSL-1.0
/// \file
/// What the reports of a resolver come to, and whether each was worth making.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <cueball/laws/rule_broken.hpp>
#include <cueball/resolver.hpp>

namespace cueball::laws {

using backends_by_key = std::map<std::string, backend>;

inline backends_by_key by_key(const std::vector<backend>& all) {
  backends_by_key keyed;
  for (const auto& where : all) keyed.emplace(where.key(), where);
  return keyed;
}

/// Of those with the same key the first one.
inline std::vector<backend> one_of_each_key(const std::vector<backend>& all) {
  std::vector<backend> some;
  for (const auto& [key, where] : by_key(all)) some.push_back(where);
  return some;
}

inline std::string to_text(const backends_by_key& all) {
  std::string text = "{";
  for (const auto& [key, where] : all) {
    if (text.size() > 1) text += ", ";
    text += key + " weight " + std::to_string(where.weight) + " priority " + std::to_string(where.priority);
  }
  return text + '}';
}

/// As a pool sees its resolver, over all of its runs. Any thread.
class replay {
 public:
  /// Counts how often the source gave its present answer.
  using counter = std::function<std::uint64_t()>;

  explicit replay(counter asked = {}) : asked_(std::move(asked)) {}

  /// What one run reports to. When `end` was called, it reports nothing any more.
  class run final : public cueball::detail::sink_target {
   public:
    explicit run(std::shared_ptr<replay> to) : to_(std::move(to)) {}

    void added(backend where) override {
      std::string bad = problem_with(where);
      to_->note(*this, [&] {
        if (!bad.empty()) return to_->complain(bad);
        const auto key = where.key();
        if (named_.contains(key)) return to_->complain("'" + key + "' was added, which was known");
        named_.insert_or_assign(key, where);
        to_->known_.insert_or_assign(key, where);
        ++to_->told_[key].added;
      });
    }

    void changed(backend where) override {
      to_->note(*this, [&] {
        const auto key = where.key();
        const auto old = named_.find(key);
        if (old == named_.end()) return to_->complain("'" + key + "' was changed, which was not known");
        if (old->second == where) return to_->complain("'" + key + "' was changed to what it was");
        old->second = to_->known_[key] = where;
        ++to_->told_[key].changed;
      });
    }

    void removed(std::string key) override {
      const auto asked = to_->asked_ ? to_->asked_() : 0;
      to_->note(*this, [&] {
        if (named_.erase(key) == 0) return to_->complain("'" + key + "' was removed, which was not known");
        to_->known_.erase(key);
        ++to_->told_[key].removed;
        to_->least_asked_ = std::min(to_->least_asked_, asked);
      });
    }

    void failed(error_code error, std::string text) override {
      to_->note(*this, [&] {
        ++to_->failures_;
        if (!error) to_->complain("a failure was told without an error");
        if (text.empty()) to_->complain("a failure was told without a text");
      });
    }

    void round_done() override {
      to_->note(*this, [&] {
        if (std::exchange(is_done_, true)) return to_->complain("round_done was told twice in a run");
        to_->known_ = named_;
        ++to_->rounds_;
      });
    }

    void end() {
      const std::scoped_lock lock{to_->mutex_};
      ended_ = true;
    }

   private:
    friend replay;

    const std::shared_ptr<replay> to_;
    backends_by_key named_;
    bool is_done_ = false;
    bool ended_ = false;
  };

  /// What was told of one key.
  struct tally {
    int added = 0, changed = 0, removed = 0;

    friend bool operator==(const tally&, const tally&) = default;
  };

  using tallies = std::map<std::string, tally>;

  /// A moment.
  struct view {
    backends_by_key known;
    tallies told;  ///< Since `take_told`.
    std::uint64_t failures = 0;
    std::uint64_t rounds = 0;  ///< Runs that named all.

    /// How often the answer had been given when what is not in it was removed, at the least.
    std::uint64_t least_asked = 0;
  };

  /// \throws rule_broken if something was told that should not have been
  view look() const {
    const std::scoped_lock lock{mutex_};
    return seen();
  }

  /// Until `holds(view)`, or `limit` has passed. \return the last view
  /// \throws rule_broken as `look`
  template <class Condition>
  view wait_for(std::chrono::milliseconds limit, const Condition& holds) const {
    std::unique_lock lock{mutex_};
    const auto end = std::chrono::steady_clock::now() + limit;
    for (;;) {
      auto now = seen();
      if (holds(now) || news_.wait_until(lock, end) == std::cv_status::timeout) return now;
    }
  }

  /// What was told since this was called last.
  tallies take_told() {
    const std::scoped_lock lock{mutex_};
    least_asked_ = std::numeric_limits<std::uint64_t>::max();
    return std::exchange(told_, {});
  }

 private:
  template <class Body>
  void note(const run& from, const Body& body) {
    const std::scoped_lock lock{mutex_};
    if (from.ended_) complain("something was reported after the run was over");
    body();
    news_.notify_all();
  }

  void complain(const std::string& what) {
    if (complaint_.empty()) complaint_ = what;
  }

  view seen() const {
    if (!complaint_.empty()) throw rule_broken{complaint_};
    return {known_, told_, failures_, rounds_, least_asked_};
  }

  const counter asked_;
  mutable std::mutex mutex_;
  mutable std::condition_variable news_;
  backends_by_key known_;
  tallies told_;
  std::uint64_t failures_ = 0;
  std::uint64_t rounds_ = 0;
  std::uint64_t least_asked_ = std::numeric_limits<std::uint64_t>::max();
  std::string complaint_;
};

inline std::string to_text(const replay::tallies& all) {
  std::string text = "{";
  for (const auto& [key, told] : all) {
    if (text.size() > 1) text += ", ";
    text += key;
    for (const auto& [count, what] :
         {std::pair{told.added, " added"}, {told.changed, " changed"}, {told.removed, " removed"}})
      if (count > 0) text += ' ' + std::to_string(count) + " times" + what;
  }
  return text + '}';
}

}  // namespace cueball::laws
