// SPDX-License-Identifier: BSL-1.0
/// \file
/// How busy other processes are: a sample counts only while they are quiet.
#pragma once

#include <cstdint>

namespace bench {

/// From its construction on, watches what the whole machine does and what this process does.
class cpu_watch {
 public:
  cpu_watch();

  /// The share of all the machine's processor time that others have used: 0 to 1. The system counts in steps
  /// of 10 ms.
  double foreign_share() const;

 private:
  std::uint64_t all_;
  std::uint64_t idle_;
  double own_;
};

}  // namespace bench
