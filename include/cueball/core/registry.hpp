// SPDX-License-Identifier: BSL-1.0
/// \file
/// The backends that the core knows: those that are announced, and those whose last slots are on their way
/// out.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <cueball/backend.hpp>
#include <cueball/core/backend_record.hpp>
#include <cueball/core/descriptions.hpp>
#include <cueball/core/list.hpp>
#include <cueball/pool_stats.hpp>
#include <cueball/rebalance_policy.hpp>

namespace cueball::core {

using record_list = list<backend_record, &backend_record::in_order>;

/// Owns the records. Numbers are small and used again.
class registry {
 public:
  /// In the order of announcement.
  const record_list& records() const noexcept { return records_; }

  /// The record that a resolver means by `key`; null if there is none.
  backend_record* find(const std::string& key) const {
    const auto found = by_key_.find(key);
    return found == by_key_.end() ? nullptr : found->second;
  }

  /// \pre There is none of its key.
  backend_record& add(const backend& where) {
    auto made = std::make_unique<backend_record>();
    auto& record = *made;
    record.description = descriptions_.add(where);
    record.what = descriptions_[record.description];
    record.key = where.key();
    record.identity = identity_of(record.key);
    if (free_numbers_.empty()) {
      free_numbers_.push_back(static_cast<std::uint32_t>(by_number_.size()));
      by_number_.emplace_back();
    }
    record.number = free_numbers_.back();
    by_key_.emplace(record.key, &record);
    by_number_[record.number] = std::move(made);
    free_numbers_.pop_back();
    records_.push_back(record);
    return record;
  }

  backend_record& operator[](std::uint32_t number) const noexcept { return *by_number_[number]; }

  void describe(backend_record& record, const backend& where) {
    const auto latest = descriptions_.add(where);
    descriptions_.drop(std::exchange(record.description, latest));
    record.what = descriptions_[latest];
  }

  class descriptions& descriptions() noexcept { return descriptions_; }
  const class descriptions& descriptions() const noexcept { return descriptions_; }

  /// Announced again, it will be another one.
  void forget_key(const backend_record& record) {
    const auto found = by_key_.find(record.key);
    if (found != by_key_.end() && found->second == &record) by_key_.erase(found);
  }

  /// \pre It is in no other list, and has no slot.
  void erase(backend_record& record) {
    forget_key(record);
    records_.erase(record);
    past_ += record.counters;
    descriptions_.drop(record.description);
    free_numbers_.push_back(record.number);
    by_number_[record.number].reset();
  }

  /// What those that are gone have counted.
  const slot_counters& past() const noexcept { return past_; }

 private:
  class descriptions descriptions_;
  std::vector<std::unique_ptr<backend_record>> by_number_;
  std::vector<std::uint32_t> free_numbers_;
  std::map<std::string, backend_record*> by_key_;
  record_list records_;
  slot_counters past_;
};

}  // namespace cueball::core
