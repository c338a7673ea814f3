// SPDX-License-Identifier: BSL-1.0
/// \file
/// dns_resolver: backends from SRV, A and AAAA records.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>

#include <cueball/announcements.hpp>
#include <cueball/error.hpp>
#include <cueball/pool_options.hpp>
#include <cueball/resolver.hpp>
#include <cueball/time.hpp>

namespace cueball {

/// Which addresses are looked up.
enum class dns_families { both, v4, v6 };

/// Options of a `dns_resolver`.
struct dns_options {
  /// `_http._tcp`: SRV records of `_http._tcp.DOMAIN` are asked for. Empty: no SRV records are.
  std::string service{};

  /// Of the backends where there are no SRV records: those at the addresses of the domain itself. 0: the
  /// domain itself is no backend; not allowed without `service`.
  std::uint16_t default_port = 0;

  /// `10.0.0.1`, `10.0.0.1:5353`, `::1` or `[::1]:5353`; port 53 if none is named. Or `@NAME`: the
  /// nameservers are found by DNS themselves, in the SRV records of `_dns._udp.NAME`, or else at the
  /// addresses of NAME, and again when their TTL ends. Asked in this order, the next one only if one fails.
  /// What is malformed is skipped, and said so by `resolver_sink::failed` when a run begins; if nothing is
  /// left it is refused. Empty: the system's, which are looked at again for each refresh.
  std::vector<std::string> nameservers{};

  /// Whom to ask for the nameservers of `@NAME`; none of these may be `@NAME` itself. Empty: the system's.
  std::vector<std::string> bootstrap{};

  /// A TTL that is shorter counts as this. 1 ms to 365 days.
  duration min_ttl = std::chrono::seconds{1};

  /// A TTL that is longer counts as this. Not less than `min_ttl`, to 365 days.
  duration max_ttl = std::chrono::hours{1};

  /// How many lookups of addresses may be under way at once. 1 to 1,000.
  std::uint32_t concurrency = 5;

  /// How soon it is believed that a backend is gone, or that there is none.
  cueball::patience patience{};

  /// How a lookup is tried again: one attempt asks each nameserver, until one answers, and waits for
  /// `timeout` each time. When `retries` have failed the lookup has, and what was known stays; all is asked
  /// again after `delay * 2^(n-1)`, n refreshes having failed in a row. Ranges as in the pool's options.
  /// `spread` also spreads the refreshes: each is late by up to this part of the TTL, and never early, since
  /// that would only get an older answer from a cache.
  operation_recovery recovery{.retries = 3,
                              .timeout = std::chrono::seconds{1},
                              .max_timeout = std::chrono::seconds{5},
                              .delay = std::chrono::milliseconds{100},
                              .max_delay = std::chrono::seconds{10}};

  dns_families families = dns_families::both;

  /// Of the spread. None: a fresh one from the operating system.
  std::optional<std::uint64_t> seed{};
};

/// Throws `std::system_error` (`errc::bad_option`) with the name and value of the first bad field.
void check(const dns_options& options);

namespace detail {
class dns_discovery;
}  // namespace detail

/// Finds the addresses of a domain, and follows them: it asks again when the shortest TTL of the answer ends.
/// docs/resolvers.md tells what it asks, and in which order. A failure changes nothing, and ends no run; each
/// is told by `resolver_sink::failed`, with what was asked and of whom.
///
/// It has no thread: all is done on the executor of the run's token. One run at a time; what it knows, also
/// whether there have been SRV records, survives it. Link `cueball-dns`.
class dns_resolver {
 public:
  /// Throws `std::system_error` as `check(options)`, or (`errc::bad_argument`) for a bad domain.
  /// \param domain a host name; one that ends with a dot is not searched for in the system's search domains
  explicit dns_resolver(std::string domain, dns_options options = {});

  dns_resolver(dns_resolver&&) noexcept;
  dns_resolver& operator=(dns_resolver&&) noexcept;
  ~dns_resolver();

  /// Completes with void(error_code): `operation_aborted` when it is cancelled, and else only if memory ran
  /// out.
  template <class Token>
  auto async_run(resolver_sink sink, Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code)>(
        [](auto handler, std::shared_ptr<detail::dns_discovery> discovery, resolver_sink to) {
          const boost::asio::any_io_executor executor = boost::asio::get_associated_executor(handler);
          start(std::move(discovery), executor, std::move(to), std::move(handler));
        },
        token, discovery_, std::move(sink));
  }

 private:
  using handler_type = boost::asio::any_completion_handler<void(error_code)>;

  static void start(std::shared_ptr<detail::dns_discovery> discovery,
                    const boost::asio::any_io_executor& executor, resolver_sink sink, handler_type handler);

  std::shared_ptr<detail::dns_discovery> discovery_;
};

}  // namespace cueball
