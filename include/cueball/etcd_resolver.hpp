// SPDX-License-Identifier: BSL-1.0
/// \file
/// etcd_resolver: the backends are what etcd's keys say, as soon as they say it. A library of its own,
/// `cueball-etcd`.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <cueball/announcements.hpp>
#include <cueball/detail/resolver_run.hpp>
#include <cueball/error.hpp>
#include <cueball/resolver.hpp>
#include <cueball/time.hpp>

namespace cueball {

/// An aggregate: `{.endpoints = "10.0.0.1:2379,10.0.0.2:2379", .prefix = "/services/web/"}`.
struct etcd_options {
  /// The members of the cluster, with commas between them, each `host`, `host:port` or `[IPv6]:port`, with
  /// `http://` before it or not (the port is 2379 where none is named). They speak etcd's version 3 as JSON.
  std::string endpoints;

  /// Each key that begins with it is a backend. Not empty; usually it ends with '/'.
  std::string prefix;

  /// Which of the `additionalEndpoints` of a server set's members is meant; empty: the `serviceEndpoint`.
  std::string endpoint{};

  /// How long connecting, and each request, may take. 1 ms to 365 days.
  duration timeout = std::chrono::seconds{5};

  /// A watch that has said nothing for so long, or up to half of `spread` less, is given up, all is read
  /// again, and a new one begun: so a server that is half dead, or a connection that only seems to be one, is
  /// noticed. 100 ms to 365 days.
  duration idle_limit = std::chrono::seconds{30};

  /// Before the next attempt: doubled with each one in a row, up to `max_delay`, and spread. Only a watch
  /// that brought news, or lasted for `max_delay`, ends the row. 1 ms to 365 days.
  duration delay = std::chrono::milliseconds{100};

  /// Not less than `delay`, to 365 days.
  duration max_delay = std::chrono::seconds{10};

  /// 0 to 1: delays are multiplied by a random factor from `1 - spread` to `1 + spread`.
  double spread = 0.5;

  /// How soon it is believed that a backend is gone, or that all are. By default what is known is kept while
  /// there is no usable key at all.
  cueball::patience patience{.missing = 1, .empty = 0};

  /// Where `patience` wants more answers, all is read again after so long. 1 ms to 365 days.
  duration reread_delay = std::chrono::seconds{1};

  /// Of the spread. None: a fresh one from the operating system.
  std::optional<std::uint64_t> seed{};
};

/// Throws `std::system_error` (`errc::bad_option`) with the name and value of the first bad field.
void check(const etcd_options& options);

namespace detail {

class etcd_memory;

}  // namespace detail

/// Watches etcd through its JSON gateway, without TLS. A value is `host:port`, or JSON as `zookeeper_mode::
/// children` has it. While no member can be reached, the backends stay as they are. A value that is no
/// backend takes nothing else with it: it is told as a failure, with the key and the value. A run never gives
/// up.
///
/// Each connection begins with all keys at one revision, and watches from the next one on: nothing is missed,
/// whether the revision was compacted meanwhile, or etcd was restored to an older one.
class etcd_resolver {
 public:
  /// Throws as `check(options)`.
  explicit etcd_resolver(etcd_options options);

  template <class Token>
  auto async_run(resolver_sink sink, Token&& token) {
    return detail::async_begin_run(
        std::move(sink), std::forward<Token>(token),
        [memory = memory_](detail::resolver_run begun) { begin(memory, std::move(begun)); });
  }

 private:
  static void begin(const std::shared_ptr<detail::etcd_memory>& memory, detail::resolver_run run);

  /// A copy of a resolver is that resolver: only one of them may run.
  std::shared_ptr<detail::etcd_memory> memory_;
};

}  // namespace cueball
