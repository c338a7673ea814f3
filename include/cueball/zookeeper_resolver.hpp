// SPDX-License-Identifier: BSL-1.0
/// \file
/// zookeeper_resolver: the backends are what ZooKeeper's nodes say, as soon as they say it. A library of its
/// own, `cueball-zookeeper`.
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

/// What the node at `zookeeper_options::path` is.
enum class zookeeper_mode {
  /// A group: the data of each child is a backend, as `host:port`, or as JSON of Finagle's server sets, of
  /// Curator's service discovery, or `{"host" or "address", "port", "weight", "priority"}`. A server set's
  /// member whose `status` is not ALIVE, and a member whose `enabled` is false, are left out.
  children,

  /// The state of a Manatee shard: JSON that names the one backend, by the address in `primary.ip` and the
  /// port in `primary.pgUrl`.
  primary,
};

/// An aggregate: `{.servers = "10.0.0.1:2181,10.0.0.2:2181", .path = "/services/web"}`.
struct zookeeper_options {
  /// The ensemble, as ZooKeeper's own connection strings: servers with commas between them, each
  /// `host`, `host:port` or `[IPv6]:port` (the port is 2181 where none is named), and at the end perhaps a
  /// path below which `path` is meant, as in `h1:2181,h2:2181/production`. Names are looked up when a session
  /// begins, and again when no server could be reached.
  std::string servers;

  /// Of the node, from '/'. It need not exist yet.
  std::string path;

  zookeeper_mode mode = zookeeper_mode::children;

  /// Which of the `additionalEndpoints` of a server set's members is meant; empty: the `serviceEndpoint`.
  std::string endpoint{};

  /// What is asked of the ensemble, which has bounds of its own. A server that has been silent for two thirds
  /// of this is given up for the next one. 100 ms to 1 hour.
  duration session_timeout = std::chrono::seconds{10};

  /// Before the next attempt to reach a server, or to read what could not be read: doubled with each attempt
  /// in a row, up to `max_delay`, and spread. Only a node that was read ends the row, not a server that lets
  /// itself be connected to. 1 ms to 365 days.
  duration delay = std::chrono::milliseconds{100};

  /// Not less than `delay`, to 365 days.
  duration max_delay = std::chrono::seconds{10};

  /// 0 to 1: delays are multiplied by a random factor from `1 - spread` to `1 + spread`.
  double spread = 0.5;

  /// How soon it is believed that a backend is gone, or that all are. A node that is missing, without data,
  /// malformed or without a primary, and a group without a usable member, are answers without backends: by
  /// default what is known is kept then, until there is something else.
  cueball::patience patience{.missing = 1, .empty = 0};

  /// Where `patience` wants more answers, the node is read again after so long. 1 ms to 365 days.
  duration reread_delay = std::chrono::seconds{1};

  /// Of the spread. None: a fresh one from the operating system.
  std::optional<std::uint64_t> seed{};
};

/// Throws `std::system_error` (`errc::bad_option`) with the name and value of the first bad field.
void check(const zookeeper_options& options);

/// Of the errors of ZooKeeper's client; its name is "zookeeper".
const boost::system::error_category& zookeeper_category() noexcept;

namespace detail {

class zookeeper_memory;

}  // namespace detail

/// Watches; it never polls. While no server of the ensemble can be reached, the backends stay as they are. A
/// datum that is no backend takes nothing else with it: it is told as a failure, with the node's path and the
/// value. A run never gives up.
///
/// ZooKeeper's single-threaded client is driven by the run's executor: there is no thread, but for Asio's own
/// that looks up names. A program cannot use the multi-threaded client beside it, whose functions have the
/// same names.
class zookeeper_resolver {
 public:
  /// Throws as `check(options)`.
  explicit zookeeper_resolver(zookeeper_options options);

  template <class Token>
  auto async_run(resolver_sink sink, Token&& token) {
    return detail::async_begin_run(
        std::move(sink), std::forward<Token>(token),
        [memory = memory_](detail::resolver_run begun) { begin(memory, std::move(begun)); });
  }

 private:
  static void begin(const std::shared_ptr<detail::zookeeper_memory>& memory, detail::resolver_run run);

  /// A copy of a resolver is that resolver: only one of them may run.
  std::shared_ptr<detail::zookeeper_memory> memory_;
};

}  // namespace cueball
