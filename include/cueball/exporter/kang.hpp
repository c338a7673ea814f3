// SPDX-License-Identifier: BSL-1.0
/// \file
/// exporter::kang: snapshots as JSON, in the shape that node-cueball shows to kang.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <cueball/detail/exported.hpp>
#include <cueball/detail/json_writer.hpp>
#include <cueball/exporter/named_pool.hpp>
#include <cueball/pool_state.hpp>

namespace cueball::exporter {

/// What kang shows of the program beside its pools.
struct kang_service {
  std::string name = "cueball";
  std::string ident{};  ///< Of this instance: the name of the host, for instance.
  std::string version{};
};

}  // namespace cueball::exporter

namespace cueball::detail {

class kang_writer {
 public:
  void pool(const exported_pool& one) {
    const auto& stats = one.source->stats;
    out_.object([&] {
      out_.member("backends").object([&] {
        for (const auto& where : one.backends) backend(where);
      });
      out_.member("connections").object([&] {
        for (const auto& where : one.backends) connections(where);
      });
      out_.member("dead_backends").array([&] {
        for (const auto& where : one.backends)
          if (where.latest->dead) out_.value(where.key);
      });
      out_.member("last_errors").object([&] {
        for (const auto& where : one.backends)
          if (const auto& row = *where.latest; row.last_error)
            out_.member(where.key).value(words_of(row.last_error, row.last_error_text));
      });
      out_.member("state").value(to_string(stats.state));
      out_.member("counters").object([&] { counters(stats); });
      out_.member("resolver").object([&] { resolver(stats.resolver); });
      number("totalConnections", stats.slots.total());
      number("idleConnections", stats.slots.idle);
      number("pendingConnections", stats.slots.connecting);
      number("waiterCount", stats.waiters);
      number("target", stats.target);
      number("longest_run", stats.longest_run);
      out_.member("options").object([&] {
        out_.member("domain").value(one.name);
        number("maximum", one.source->options.max_connections);
      });
    });
  }

  json_writer& out() { return out_; }
  std::string text() && { return std::move(out_).text(); }

 private:
  template <class Number>
  void number(std::string_view name, Number value) {
    out_.member(name).value(value);
  }

  void backend(const exported_backend& where) {
    const auto& row = *where.latest;
    out_.member(where.key).object([&] {
      out_.member("key").value(where.key);
      out_.member("name").value(row.where.name);
      out_.member("address").value(row.where.address);
      number("port", row.where.port);
      number("weight", row.where.weight);
      number("priority", row.where.priority);
      out_.member("live").value(row.live);
      number("planned", where.planned);
      out_.member("counters").object([&] { counters_of_slots(where.counters); });
    });
  }

  /// As node-cueball does, only states in which there are some.
  void connections(const exported_backend& where) {
    const auto count = [&](std::string_view state, std::uint32_t value) {
      if (value > 0) number(state, value);
    };
    out_.member(where.key).object([&] {
      count("idle", where.slots.idle);
      count("busy", where.slots.claimed);
      count("checking", where.slots.checking);
      count("connecting", where.slots.connecting);
      count("stopping", where.slots.closing);
    });
  }

  void resolver(const resolver_stats& of) {
    out_.member("state").value(to_string(of.state));
    number("runs", of.runs);
    number("failures", of.failures);
    if (of.last_error) out_.member("last_error").value(words_of(of.last_error, of.last_error_text));
  }

  void counters(const pool_stats& stats) {
    counters_of_slots(stats.counters);
    number("queued-claim", stats.waited);
    number("claim-timeout", stats.timed_out);
    number("refused-claim", stats.refused);
    number("shed-claim", stats.shed);
    number("cancelled-claim", stats.cancelled);
    number("rebalance", stats.rebalances);
    number("shuffle", stats.shuffles);
  }

  void counters_of_slots(const slot_counters& all) {
    number("granted-claim", all.claims);
    number("opened", all.opened);
    number("closed", all.closed);
    number("failed-connect", all.connect_failures);
    number("broken", all.broken);
  }

  json_writer out_;
};

}  // namespace cueball::detail

namespace cueball::exporter {

/// One pool, as kang shows an object of the type `pool`. Names are node-cueball's where the meaning is the
/// same, and cueball's own elsewhere. What a snapshot does not have (`last_rebalance`, `resolvers`) is left
/// out. Bytes that are no UTF-8 are percent-encoded.
inline std::string kang_object(const named_pool& pool) {
  detail::kang_writer out;
  out.pool(detail::exported({&pool, 1}).front());
  return std::move(out).text();
}

/// What kang expects of `GET /kang/snapshot`: the pools, by their names. Throws `std::system_error`
/// (`errc::bad_argument`) if two of them have the same name.
inline std::string kang(std::span<const named_pool> pools, const kang_service& service = {}) {
  const auto all = detail::exported(pools);
  detail::kang_writer writer;
  auto& out = writer.out();
  out.object([&] {
    out.member("service").object([&] {
      out.member("name").value(service.name);
      out.member("ident").value(service.ident);
      out.member("version").value(service.version);
    });
    out.member("stats").object([] {});
    out.member("types").array([&] { out.value("pool"); });
    out.member("pool").object([&] {
      for (const auto& pool : all) {
        out.member(pool.name);
        writer.pool(pool);
      }
    });
  });
  return std::move(writer).text();
}

}  // namespace cueball::exporter
