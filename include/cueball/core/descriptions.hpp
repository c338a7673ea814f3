// SPDX-License-Identifier: BSL-1.0
/// \file
/// What backends were announced as, for as long as somebody may ask.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include <cueball/backend.hpp>
#include <cueball/stable_array.hpp>

namespace cueball::core {

/// A backend holds its latest description; a connection the one that it was opened by. Each is known by a
/// number, which is used again when nobody holds it any more.
class descriptions {
 public:
  using number = std::uint32_t;

  /// The caller holds it.
  number add(const backend& where) {
    auto what = std::make_shared<const backend>(where);
    if (first_free_ == none) {
      entries_.grow_to(entries_.size() + 1);
      first_free_ = entries_.size() - 1;
    }
    const auto made = first_free_;
    auto& its = entries_[made];
    first_free_ = its.next_free;
    its = {std::move(what), 1, none};
    return made;
  }

  void hold(number which) noexcept { ++entries_[which].holders; }

  void drop(number which) noexcept {
    auto& its = entries_[which];
    if (--its.holders == 0) its = {nullptr, 0, std::exchange(first_free_, which)};
  }

  /// Who knows that it is held may call this while others call anything.
  const std::shared_ptr<const backend>& operator[](number which) const noexcept {
    return entries_[which].what;
  }

 private:
  static constexpr number none = UINT32_MAX;

  struct entry {
    std::shared_ptr<const backend> what;
    std::uint32_t holders = 0;
    number next_free = none;
  };

  stable_array<entry> entries_{8};
  number first_free_ = none;
};

}  // namespace cueball::core
