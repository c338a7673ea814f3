// SPDX-License-Identifier: BSL-1.0
/// \file
/// An answer is reported, and what is to be done about it.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include <cueball/announcements.hpp>
#include <cueball/error.hpp>

namespace cueball::detail {

/// \param otherwise what is told as a failure if the answer is empty and not believed
/// \return whether `how` wants more answers, soon
inline bool tell(announcements& known, const patience& how, const resolver_sink& sink,
                 std::vector<backend> answer, const std::string& otherwise) {
  std::set<std::string> keys;
  for (const auto& where : answer) keys.insert(where.key());
  if (known.take(sink, std::move(answer))) return known.size() > keys.size();
  sink.failed(errc::resolver_failed, otherwise + "; what was known before is kept");
  return how.empty > 0;
}

}  // namespace cueball::detail
