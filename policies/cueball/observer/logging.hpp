// SPDX-License-Identifier: BSL-1.0
/// \file
/// observer::logging: a line for each change of state.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <cueball/observer_policy.hpp>

namespace cueball::observer {

/// How much a line matters.
enum class severity : std::uint8_t {
  debug,    ///< What goes on while all is well: connects, closes, shuffles; and what repeats itself.
  info,     ///< Something changed: a backend came, went or returned, a plan is in force.
  warning,  ///< A backend cannot be reached, the resolver failed, a lease is out for too long.
  error,    ///< No backend can be reached any more; or the rebalance strategy is wrong.
};

constexpr std::string_view to_string(severity level) noexcept {
  switch (level) {
    case severity::debug:
      return "debug";
    case severity::info:
      return "info";
    case severity::warning:
      return "warning";
    case severity::error:
      return "error";
  }
  return "unknown";
}

/// Hands lines to a logger of yours: anything that can be copied, and called with `(severity,
/// std::string_view)`. Each change of state is one line, which names the backend and the reason; claims and
/// releases give none, and cost nothing but a word that says where the claim was made. While nothing changes,
/// no line is above `debug`.
///
/// Of failures that repeat themselves the first is told as it deserves, the others at `debug`: of connects to
/// a backend until it is dead or connected; of connections to it that break until one is connected; of the
/// resolver while it fails in the same way.
///
/// The logger is called as all hooks are: outside every lock of the pool, by one thread at a time, in the
/// order of what happened, on the pool's serial executor; so it is in the way of the pool's other work there,
/// and should not wait. It may call the pool. What it throws is ignored. A line has no control characters,
/// and is there during the call only.
class logging {
 public:
  using category = observer_policy;
  static constexpr std::string_view name = "observer::logging";
  static constexpr bool ignores_leases = true;
  using logger = std::function<void(severity, std::string_view)>;

  explicit logging(logger write) : write_(std::move(write)) {}

  void on(const claimed_event&) noexcept {}
  void on(const released_event&) noexcept {}

  void on(const lease_overdue_event& what) noexcept {
    say([&] {
      const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(what.limit).count();
      const auto& at = what.claimed_at;
      tell(severity::warning, "a lease on " + what.where.key() + " is out for more than " +
                                  std::to_string(limit) + " ms; it was claimed at " + at.file_name() + ":" +
                                  std::to_string(at.line()) + " (" + at.function_name() + ")");
    });
  }

  void on(const connected_event& what) noexcept {
    say([&] {
      auto& now = trouble_of(what.where);
      const bool is_return = now.fails && !now.dead;  // of a dead one that is told in a moment
      now.fails = now.breaks = false;
      tell(is_return ? severity::info : severity::debug,
           (is_return ? "connected again to " : "connected to ") + what.where.key());
    });
  }

  void on(const connect_failed_event& what) noexcept {
    say([&] {
      auto& now = trouble_of(what.where);
      const bool is_news = !now.fails && !now.dead;
      now.fails = true;
      tell(is_news ? severity::warning : severity::debug,
           "cannot connect to " + what.where.key() + ": " + why(what));
    });
  }

  void on(const closed_event& what) noexcept {
    say([&] {
      auto& now = trouble_of(what.where);
      const bool is_news = what.reason == close_reason::broken && !now.breaks;
      if (is_news) now.breaks = true;
      tell(is_news ? severity::info : severity::debug, "closed a connection to " + what.where.key() + ": " +
                                                           std::string{to_string(what.reason)} +
                                                           (what.error ? ": " + why(what) : std::string{}));
    });
  }

  void on(const backend_added_event& what) noexcept {
    say([&] {
      resolver_failure_.clear();
      troubles_[what.where.key()] = {};
      tell(severity::info, "backend " + what.where.key() + " was added");
    });
  }

  void on(const backend_changed_event& what) noexcept {
    say([&] {
      resolver_failure_.clear();
      tell(severity::info, "backend " + what.where.key() + " changed: weight " +
                               std::to_string(what.where.weight) + ", priority " +
                               std::to_string(what.where.priority));
    });
  }

  void on(const backend_removed_event& what) noexcept {
    say([&] {
      resolver_failure_.clear();
      troubles_.erase(what.where.key());
      tell(severity::info, "backend " + what.where.key() + " was removed");
    });
  }

  void on(const backend_dead_event& what) noexcept {
    say([&] {
      trouble_of(what.where).dead = true;
      tell(severity::warning,
           "backend " + what.where.key() + " is dead, and the others get its share: " + why(what));
    });
  }

  void on(const backend_alive_event& what) noexcept {
    say([&] {
      trouble_of(what.where) = {};
      tell(severity::info, "backend " + what.where.key() + " is back");
    });
  }

  void on(const resolver_failed_event& what) noexcept {
    say([&] {
      const auto reason = why(what);
      const bool is_news = reason != resolver_failure_;
      resolver_failure_ = reason;
      tell(is_news ? severity::warning : severity::debug, "the resolver failed: " + reason);
    });
  }

  void on(const plan_failed_event& what) noexcept {
    say([&] {
      tell(severity::error, "the rebalance strategy failed, and the old plan stays: " + why(what));
    });
  }

  void on(const rebalanced_event& what) noexcept {
    say([&] {
      // An elastic pool changes its size many times, and its backends seldom.
      const bool is_news = std::exchange(backends_, what.backends) != what.backends;
      tell(is_news ? severity::info : severity::debug,
           "rebalanced to " + std::to_string(what.target) +
               " connections, live backends: " + std::to_string(what.backends));
    });
  }

  void on(const shuffled_event& what) noexcept {
    say([&] { tell(severity::debug, "shuffled " + std::to_string(what.idle) + " idle connections"); });
  }

  void on(const state_changed_event& what) noexcept {
    say([&] {
      if (what.state == pool_state::failed)
        tell(severity::error, "the pool failed: every known backend is dead");
      else
        tell(severity::info, "the pool is " + std::string{to_string(what.state)});
    });
  }

 private:
  /// What was told of a backend already.
  struct trouble {
    bool fails = false;   ///< Connects.
    bool breaks = false;  ///< Connections.
    bool dead = false;
  };

  /// Of one that was removed nothing is kept: what comes after that is no news.
  trouble& trouble_of(const backend& where) {
    const auto found = troubles_.find(where.key());
    if (found != troubles_.end()) return found->second;
    gone_ = {.fails = false, .breaks = true, .dead = true};
    return gone_;
  }

  template <class Event>
  static std::string why(const Event& what) {
    return detail::words_of(what.error, what.text);
  }

  void tell(severity level, std::string line) {
    for (auto& c : line)
      if (const auto byte = static_cast<unsigned char>(c); byte < 0x20 || byte == 0x7F) c = ' ';
    if (write_) write_(level, line);
  }

  template <class Function>
  static void say(Function function) noexcept {
    try {
      function();
    } catch (...) {  // of the logger, or no memory for the line: the pool's work goes on
    }
  }

  logger write_;
  std::map<std::string, trouble> troubles_;  ///< Of the backends that are announced, by key.
  trouble gone_;
  std::optional<std::uint32_t> backends_;  ///< As of the last rebalance.
  std::string resolver_failure_;
};

}  // namespace cueball::observer
