// SPDX-License-Identifier: BSL-1.0
/// \file
/// What the thread sanitizer must not report.

extern "C" const char* __tsan_default_suppressions();

// Asio counts its references with a fence, which the sanitizer does not see: it takes the deletion of what
// the last reference leaves for a race with the others' counting down.
extern "C" const char* __tsan_default_suppressions() {
  return "race:boost::asio::detail::ref_count_down\n";
}
