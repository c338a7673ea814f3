// SPDX-License-Identifier: BSL-1.0
#include "tally.hpp"

namespace demo {

tally& tally::operator+=(const tally& other) {
  waits += other.waits;
  claims_failed += other.claims_failed;
  from_barred += other.from_barred;
  for (const auto& [name, requests] : other.by_name) {
    auto& mine = by_name[name];
    mine.answered += requests.answered;
    mine.failed += requests.failed;
  }
  return *this;
}

std::uint64_t tally::answered() const {
  std::uint64_t sum = 0;
  for (const auto& [name, requests] : by_name) sum += requests.answered;
  return sum;
}

std::uint64_t tally::failed() const {
  std::uint64_t sum = 0;
  for (const auto& [name, requests] : by_name) sum += requests.failed;
  return sum;
}

}  // namespace demo
