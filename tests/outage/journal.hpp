// SPDX-License-Identifier: BSL-1.0
/// \file
/// What happened, as lines of JSON on the standard output.
#pragma once

#include <cstdint>
#include <cstdio>
#include <mutex>
#include <string>
#include <string_view>

#include <cueball/events.hpp>
#include <cueball/observer_policy.hpp>
#include <cueball/pool_options.hpp>
#include <cueball/pool_stats.hpp>
#include <cueball/time.hpp>

#include "settings.hpp"

namespace outage {

/// Nanoseconds of the clock that `time.monotonic_ns()` reads in Python, too.
inline std::int64_t ticks(cueball::time_point when) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(when.time_since_epoch()).count();
}

/// One line of JSON. What is put into it needs no escaping.
class line {
 public:
  explicit line(std::string_view what, cueball::time_point when = std::chrono::steady_clock::now()) {
    text_ += "{\"what\":\"";
    text_ += what;
    text_ += '"';
    put("t", ticks(when));
  }

  template <std::integral Number>
  line& put(std::string_view name, Number value) {
    key(name);
    if constexpr (std::same_as<Number, bool>) {
      text_ += value ? "true" : "false";
    } else {
      text_ += std::to_string(value);
    }
    return *this;
  }

  line& put(std::string_view name, std::string_view value) {
    key(name);
    text_ += '"';
    text_ += value;
    text_ += '"';
    return *this;
  }

  line& put(std::string_view name, const char* value) { return put(name, std::string_view{value}); }

  /// `value` is JSON already.
  line& put_raw(std::string_view name, std::string_view value) {
    key(name);
    text_ += value;
    return *this;
  }

  std::string ended() && { return std::move(text_) + "}\n"; }

 private:
  void key(std::string_view name) {
    text_ += ",\"";
    text_ += name;
    text_ += "\":";
  }

  std::string text_;
};

/// Collects lines from any thread, and writes them when it is flushed: the load is not to wait for a reader.
class journal {
 public:
  void write(line&& what) {
    const std::scoped_lock lock{mutex_};
    waiting_ += std::move(what).ended();
  }

  void flush() {
    std::string lines;
    {
      const std::scoped_lock lock{mutex_};
      lines.swap(waiting_);
    }
    std::fwrite(lines.data(), 1, lines.size(), stdout);
    std::fflush(stdout);
  }

 private:
  std::mutex mutex_;
  std::string waiting_;
};

inline const char* name_of(cueball::close_reason reason) {
  switch (reason) {
    case cueball::close_reason::unwanted:
      return "unwanted";
    case cueball::close_reason::broken:
      return "broken";
    case cueball::close_reason::invalidated:
      return "invalidated";
    case cueball::close_reason::discarded:
      return "discarded";
    case cueball::close_reason::cancelled:
      return "cancelled";
    case cueball::close_reason::stopped:
      return "stopped";
    default:
      return "other";
  }
}

/// Tells the journal what became of connections, backends and the pool.
class reporter {
 public:
  using category = cueball::observer_policy;
  static constexpr std::string_view name = "outage::reporter";

  explicit reporter(journal& where) : journal_(&where) {}

  void on(const cueball::connected_event& event) noexcept { tell("connected", event.where); }
  void on(const cueball::connect_failed_event& event) noexcept { tell("connect_failed", event.where); }
  void on(const cueball::backend_dead_event& event) noexcept { tell("dead", event.where); }
  void on(const cueball::backend_alive_event& event) noexcept { tell("alive", event.where); }
  void on(const cueball::closed_event& event) noexcept {
    journal_->write(
        std::move(line{"closed"}.put("port", event.where.port).put("reason", name_of(event.reason))));
  }
  void on(const cueball::state_changed_event& event) noexcept {
    journal_->write(std::move(line{"state"}.put("state", to_string(event.state))));
  }
  template <class Event>
  void on(const Event&) noexcept {}

 private:
  void tell(std::string_view what, const cueball::backend& where) {
    journal_->write(std::move(line{what}.put("port", where.port)));
  }

  journal* journal_;
};

/// What bounds are computed from.
inline line described(const settings& told) {
  const auto in_ms = [](cueball::duration length) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(length).count();
  };
  const auto& usual = told.options.recovery.usual;
  line out{"options"};
  out.put("model", told.model)
      .put("claimers", told.claimers)
      .put("deadline", in_ms(told.deadline))
      .put("request_limit", in_ms(told.request_limit))
      .put("max_connections", told.options.max_connections)
      .put("rebalance_delay", in_ms(told.options.rebalance_delay))
      .put("watch_delay", in_ms(told.options.watch_delay))
      .put("per_backend", told.options.max_connecting.per_backend)
      .put("per_pool", told.options.max_connecting.per_pool)
      .put("retries", usual.retries)
      .put("timeout", in_ms(usual.timeout))
      .put("max_timeout", in_ms(usual.max_timeout))
      .put("delay", in_ms(usual.delay))
      .put("max_delay", in_ms(usual.max_delay))
      .put_raw("spread", std::to_string(usual.spread))
      .put("check_timeout", in_ms(check_timeout_of(told.options)));
  return out;
}

inline line described(const cueball::pool_stats& now) {
  std::string rows;
  for (const auto& row : now.backends) {
    const auto& slots = row.slots;
    rows += rows.empty() ? "[" : ",";
    rows += "{\"port\":" + std::to_string(row.where.port) + ",\"live\":" + (row.live ? "1" : "0") +
            ",\"dead\":" + (row.dead ? "1" : "0") + ",\"planned\":" + std::to_string(row.planned) +
            ",\"up\":" + std::to_string(slots.idle + slots.claimed + slots.checking) +
            ",\"connecting\":" + std::to_string(slots.connecting) +
            ",\"total\":" + std::to_string(slots.total()) +
            ",\"opened\":" + std::to_string(row.counters.opened) +
            ",\"closed\":" + std::to_string(row.counters.closed) + "}";
  }
  line out{"pool"};
  out.put("state", to_string(now.state))
      .put("waiters", now.waiters)
      .put("idle", now.slots.idle)
      .put("claimed", now.slots.claimed)
      .put("connecting", now.slots.connecting)
      .put("total", now.slots.total())
      .put("opened", now.counters.opened)
      .put("closed", now.counters.closed)
      .put_raw("backends", rows.empty() ? "[]" : rows + "]");
  return out;
}

}  // namespace outage
