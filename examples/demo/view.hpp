// SPDX-License-Identifier: BSL-1.0
/// \file
/// What the demo shows while it runs.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include <cueball/pool_stats.hpp>

#include "tally.hpp"

namespace demo {

/// The pool and its users at one moment.
struct frame {
  std::chrono::duration<double> time{};  ///< Since the demo began.
  cueball::pool_stats stats;
  tally last;                                   ///< Of the last second or so,
  std::chrono::duration<double> last_length{};  ///< which was this long.
  tally all;                                    ///< Since the demo began.
};

class view {
 public:
  virtual ~view() = default;

  /// Something happened; one line.
  virtual void tell(const std::string& event) = 0;

  /// May be called often: shows what is due.
  virtual void show(const frame& now) = 0;

  /// Nothing more is shown; what was shown last stays.
  virtual void finish(const frame& last) = 0;
};

/// Where `NO_COLOR` is unset and standard output is a terminal.
bool may_use_colours();

/// A table that is redrawn in place where standard output is a terminal that can do that and is big enough;
/// else, or if `plain`, a line a second.
std::unique_ptr<view> make_view(bool plain);

}  // namespace demo
