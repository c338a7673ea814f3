// SPDX-License-Identifier: BSL-1.0
/// \file
/// Why a claim failed, or took long.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include <cueball/error.hpp>
#include <cueball/hold_up.hpp>
#include <cueball/pool_stats.hpp>
#include <cueball/time.hpp>

namespace cueball {

/// Of one claim.
struct claim_report {
  error_code error;   ///< None if it got a connection.
  duration waited{};  ///< From its beginning to its end; zero if it did not have to wait.

  // What kept it waiting, of that. The rest is any of the other reasons.
  duration in_line{};       ///< `hold_up::in_use`
  duration for_connects{};  ///< `hold_up::connecting`
  duration for_checks{};    ///< `hold_up::checking`

  std::uint32_t ahead = 0;             ///< Claims that waited already when it began.
  hold_up held_by = hold_up::nothing;  ///< When it failed.
  std::optional<pool_stats> pool;      ///< Right after it failed; none if it got a connection.
};

namespace detail {

/// "12.35 s", "250 ms", "0 ms"
inline std::string in_seconds(duration length) {
  char text[32];
  const auto milliseconds = std::chrono::duration<double, std::milli>(length).count();
  std::snprintf(text, sizeof text, milliseconds < 1000.0 ? "%.0f ms" : "%.2f s",
                milliseconds < 1000.0 ? milliseconds : milliseconds / 1000.0);
  return text;
}

/// "3 of 10 connections are up, 2 of them in use, 4 are being connected; 10.0.0.1:80 is dead: Connection
/// refused"
inline std::string summary(const pool_stats& stats) {
  const auto up = stats.slots.idle + stats.slots.claimed + stats.slots.checking;
  std::string text = "the pool is " + std::string{to_string(stats.state)} + ", " + std::to_string(up) +
                     " of " + std::to_string(stats.target) + " connections are up, " +
                     std::to_string(stats.slots.claimed) + " of them in use, " +
                     std::to_string(stats.slots.connecting) + " are being connected, " +
                     std::to_string(stats.waiters) + " claims wait";
  if (stats.backends.empty()) text += "; no backend is known";
  for (const auto& row : stats.backends) {
    if (!row.last_error && !row.dead) continue;
    text += "; " + row.key + (row.dead ? " is dead: " : ": ") + words_of(row.last_error, row.last_error_text);
  }
  return text;
}

}  // namespace detail

namespace detail {

/// All but the error.
inline std::string circumstances(const claim_report& report) {
  std::string text;
  if (report.waited > duration{}) {
    text += "; it waited for " + in_seconds(report.waited);
    const char* between = " (";
    const auto part = [&](duration length, const char* what) {
      if (length <= duration{}) return;
      text += between + in_seconds(length) + what;
      between = ", ";
    };
    part(report.in_line, " while every connection was in use");
    part(report.for_connects, " for connects");
    part(report.for_checks, " for checks");
    if (between[0] == ',') text += ")";
    if (report.ahead > 0)
      text += ", " + std::to_string(report.ahead) + (report.ahead == 1 ? " other" : " others") +
              " waited before it";
  }
  if (report.held_by != hold_up::nothing && report.error)
    text += "; when it failed, " + std::string{to_string(report.held_by)};
  if (report.pool) text += "; " + summary(*report.pool);
  return text;
}

}  // namespace detail

/// A readable paragraph.
inline std::string to_string(const claim_report& report) {
  return (report.error ? report.error.message() : "it got a connection") + detail::circumstances(report);
}

/// What a claim throws.
class claim_error : public std::system_error {
 public:
  explicit claim_error(claim_report report)
      : std::system_error(report.error, "cueball: claim" + detail::circumstances(report)),
        report_(std::make_shared<const claim_report>(std::move(report))) {}

  const claim_report& report() const noexcept { return *report_; }

 private:
  std::shared_ptr<const claim_report> report_;  // copying an exception must not throw
};

}  // namespace cueball
