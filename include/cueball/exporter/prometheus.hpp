// SPDX-License-Identifier: BSL-1.0
/// \file
/// exporter::prometheus: snapshots in the text format that Prometheus scrapes.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <cueball/detail/exported.hpp>
#include <cueball/exporter/named_pool.hpp>
#include <cueball/pool_state.hpp>

namespace cueball::exporter {

/// The `Content-Type` of what `prometheus` returns.
inline constexpr std::string_view prometheus_content_type = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace cueball::exporter

namespace cueball::detail {

/// Writes one metric after the other, each with its name and type once, above all of its samples.
class prometheus_writer {
 public:
  using labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  explicit prometheus_writer(std::vector<exported_pool> pools) : pools_(std::move(pools)) {}

  /// A metric of the pools. `write(sample, stats)` calls `sample(value, labels)` for each sample.
  template <class Write>
  void of_pools(std::string_view name, std::string_view type, std::string_view help, Write write) {
    const auto full = begin("cueball_pool_", name, type, help);
    for (const auto& pool : pools_)
      write([&](std::uint64_t value, labels more = {}) { sample(full, {{"pool", pool.name}}, more, value); },
            pool.source->stats);
  }

  /// A metric of the backends, likewise: `write(sample, backend)`.
  template <class Write>
  void of_backends(std::string_view name, std::string_view type, std::string_view help, Write write) {
    const auto full = begin("cueball_backend_", name, type, help);
    for (const auto& pool : pools_)
      for (const auto& where : pool.backends)
        write(
            [&](std::uint64_t value, labels more = {}) {
              sample(full, {{"pool", pool.name}, {"backend", where.key}}, more, value);
            },
            where);
  }

  std::string text() && { return std::move(out_); }

 private:
  std::string begin(std::string_view prefix, std::string_view name, std::string_view type,
                    std::string_view help) {
    std::string full{prefix};
    full += name;
    for (const auto& [what, text] : {std::pair{"# HELP ", help}, std::pair{"# TYPE ", type}}) {
      out_ += what;
      out_ += full;
      out_ += ' ';
      out_ += text;
      out_ += '\n';
    }
    return full;
  }

  void sample(std::string_view name, labels usual, labels more, std::uint64_t value) {
    out_ += name;
    char before = '{';
    for (const auto& group : {usual, more})
      for (const auto& [label, text] : group) {
        out_ += before;
        out_ += label;
        out_ += "=\"";
        append_quoted(text);
        out_ += '"';
        before = ',';
      }
    out_ += "} ";
    out_ += std::to_string(value);
    out_ += '\n';
  }

  void append_quoted(std::string_view text) {
    for (const char c : text) {
      if (c == '\\' || c == '"') out_ += '\\';
      if (c == '\n')
        out_ += "\\n";
      else
        out_ += c;
    }
  }

  std::vector<exported_pool> pools_;
  std::string out_;
};

}  // namespace cueball::detail

namespace cueball::exporter {

/// The text exposition format 0.0.4, in one stable order: metrics, then pools as given, then backends as
/// announced. Counters end in `_total`; those of a backend go with it, and begin anew when it is announced
/// again. Throws `std::system_error` (`errc::bad_argument`) if two pools have the same name.
inline std::string prometheus(std::span<const named_pool> pools) {
  detail::prometheus_writer out{detail::exported(pools)};
  const auto by_state = [](const auto& sample, const slot_counts& slots) {
    sample(slots.idle, {{"state", "idle"}});
    sample(slots.claimed, {{"state", "claimed"}});
    sample(slots.checking, {{"state", "checking"}});
    sample(slots.connecting, {{"state", "connecting"}});
    sample(slots.closing, {{"state", "closing"}});
  };

  out.of_pools("state", "gauge", "1 for the state that the pool is in, 0 for the others.",
               [](const auto& sample, const pool_stats& stats) {
                 using enum pool_state;
                 for (const auto state : {starting, running, failed, stopping, stopped})
                   sample(state == stats.state, {{"state", to_string(state)}});
               });
  out.of_pools("resolver_state", "gauge", "1 for the state that the resolver is in, 0 for the others.",
               [](const auto& sample, const pool_stats& stats) {
                 using enum resolver_state;
                 for (const auto state : {starting, following, down})
                   sample(state == stats.resolver.state, {{"state", to_string(state)}});
               });
  out.of_pools("target_connections", "gauge", "Connections that the plan gives out.",
               [](const auto& sample, const pool_stats& stats) { sample(stats.target); });
  out.of_pools("connections", "gauge", "Connections by what they are doing; each is counted once.",
               [&](const auto& sample, const pool_stats& stats) { by_state(sample, stats.slots); });
  out.of_pools("waiting_claims", "gauge", "Claims that wait for a connection.",
               [](const auto& sample, const pool_stats& stats) { sample(stats.waiters); });
  out.of_pools("longest_run_connections", "gauge",
               "Longest run of one backend among the first 128 idle connections, in the order of claiming.",
               [](const auto& sample, const pool_stats& stats) { sample(stats.longest_run); });

  out.of_pools("claims_total", "counter", "Leases given out.",
               [](const auto& sample, const pool_stats& stats) { sample(stats.counters.claims); });
  out.of_pools("waited_claims_total", "counter", "Claims that had to wait, however they ended.",
               [](const auto& sample, const pool_stats& stats) { sample(stats.waited); });
  out.of_pools("failed_claims_total", "counter", "Claims that got no connection, by reason.",
               [](const auto& sample, const pool_stats& stats) {
                 sample(stats.timed_out, {{"reason", "timed_out"}});
                 sample(stats.refused, {{"reason", "refused"}});
                 sample(stats.shed, {{"reason", "shed"}});
                 sample(stats.cancelled, {{"reason", "cancelled"}});
               });
  out.of_pools("opened_connections_total", "counter", "Connects started.",
               [](const auto& sample, const pool_stats& stats) { sample(stats.counters.opened); });
  out.of_pools("closed_connections_total", "counter",
               "Connections gone: closed, failed to connect, or detached.",
               [](const auto& sample, const pool_stats& stats) { sample(stats.counters.closed); });
  out.of_pools("connect_failures_total", "counter", "Connects that failed or took too long.",
               [](const auto& sample, const pool_stats& stats) { sample(stats.counters.connect_failures); });
  out.of_pools("broken_connections_total", "counter", "Connections that were found broken.",
               [](const auto& sample, const pool_stats& stats) { sample(stats.counters.broken); });
  out.of_pools("rebalances_total", "counter", "Plans that came into force.",
               [](const auto& sample, const pool_stats& stats) { sample(stats.rebalances); });
  out.of_pools("shuffles_total", "counter", "Shuffles of the idle connections.",
               [](const auto& sample, const pool_stats& stats) { sample(stats.shuffles); });

  out.of_pools("resolver_runs_total", "counter", "Runs of the resolver that were begun.",
               [](const auto& sample, const pool_stats& stats) { sample(stats.resolver.runs); });
  out.of_pools("resolver_failures_total", "counter",
               "What the resolver told of failures, runs of it that ended, and reports that were refused.",
               [](const auto& sample, const pool_stats& stats) { sample(stats.resolver.failures); });

  using detail::exported_backend;
  out.of_backends("live", "gauge", "1 if the backend is part of the plan.",
                  [](const auto& sample, const exported_backend& where) { sample(where.latest->live); });
  out.of_backends("dead", "gauge", "1 if attempts to connect used up their retries.",
                  [](const auto& sample, const exported_backend& where) { sample(where.latest->dead); });
  out.of_backends("planned_connections", "gauge", "Connections that the plan gives the backend.",
                  [](const auto& sample, const exported_backend& where) { sample(where.planned); });
  out.of_backends("connections", "gauge", "Connections by what they are doing; each is counted once.",
                  [&](const auto& sample, const exported_backend& where) { by_state(sample, where.slots); });
  out.of_backends("claims_total", "counter", "Leases on the backend that were given out.",
                  [](const auto& sample, const exported_backend& where) { sample(where.counters.claims); });
  out.of_backends("opened_connections_total", "counter", "Connects started.",
                  [](const auto& sample, const exported_backend& where) { sample(where.counters.opened); });
  out.of_backends("closed_connections_total", "counter",
                  "Connections gone: closed, failed to connect, or detached.",
                  [](const auto& sample, const exported_backend& where) { sample(where.counters.closed); });
  out.of_backends(
      "connect_failures_total", "counter", "Connects that failed or took too long.",
      [](const auto& sample, const exported_backend& where) { sample(where.counters.connect_failures); });
  out.of_backends("broken_connections_total", "counter", "Connections that were found broken.",
                  [](const auto& sample, const exported_backend& where) { sample(where.counters.broken); });
  return std::move(out).text();
}

inline std::string prometheus(const named_pool& pool) {
  return prometheus(std::span{&pool, 1});
}

}  // namespace cueball::exporter
