// SPDX-License-Identifier: BSL-1.0
/// \file
/// announcements: for writers of resolvers whose source gives whole answers.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <cueball/backend.hpp>
#include <cueball/resolver.hpp>

namespace cueball {

/// How soon a resolver believes that something is gone. A failure is no answer, and counts for neither.
struct patience {
  /// A backend is removed when so many answers in a row were without it; at least 1.
  std::uint32_t missing = 1;

  /// An answer without any backends is believed when so many in a row were without; 0: never, and it is no
  /// answer. `missing` counts beside it: the later of the two decides.
  std::uint32_t empty = 1;
};

/// Turns whole answers into reports: only what is new, has changed or is gone is told, and what is new before
/// what is gone. One for each resolver. Not thread-safe.
class announcements {
 public:
  explicit announcements(patience how = {}) noexcept : patience_(how) {}

  /// A run begins: its first answer is announced whole.
  void begin_run() noexcept { is_first_ = true; }

  /// Reports what follows from `answer`. Of backends with the same key the first one counts; malformed ones
  /// are passed on, so that the pool tells its observer. While an empty first answer is not believed yet,
  /// nothing is said.
  /// \return whether the answer was reported: false if it is empty, and not believed yet
  bool take(const resolver_sink& sink, std::vector<backend> answer) {
    if (!answer.empty())
      empty_in_a_row_ = 0;
    else if (patience_.empty == 0 || ++empty_in_a_row_ < patience_.empty)
      return false;

    // With the last of those that were not believed, the others are.
    const auto answers = empty_in_a_row_ == 0 || empty_in_a_row_ > patience_.empty ? 1 : patience_.empty;
    for (auto& [key, it] : known_) it.missing += answers;
    for (auto& where : answer) {
      auto key = where.key();
      const auto found = known_.find(key);
      if (found == known_.end()) {
        sink.added(where);
        known_.emplace(std::move(key), entry{std::move(where)});
      } else if (found->second.missing > 0) {
        if (is_first_)
          sink.added(where);
        else if (found->second.where != where)
          sink.changed(where);
        found->second = {std::move(where)};
      }
    }
    for (auto it = known_.begin(); it != known_.end();) {
      if (it->second.missing >= patience_.missing && it->second.missing > 0) {
        if (!is_first_) sink.removed(it->first);
        it = known_.erase(it);
        continue;
      }
      if (is_first_ && it->second.missing > 0) sink.added(it->second.where);
      ++it;
    }
    if (std::exchange(is_first_, false)) sink.round_done();
    return true;
  }

  std::size_t size() const noexcept { return known_.size(); }

 private:
  struct entry {
    backend where;
    std::uint32_t missing = 0;  ///< So many answers in a row were without it.
  };

  patience patience_;
  std::map<std::string, entry> known_;
  std::uint32_t empty_in_a_row_ = 0;
  bool is_first_ = true;
};

}  // namespace cueball
