// SPDX-License-Identifier: BSL-1.0
#include <cueball/dns_resolver.hpp>

#include <algorithm>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include <cueball/backend.hpp>
#include <cueball/core/backoff.hpp>
#include <cueball/detail/option_checks.hpp>
#include <cueball/detail/seed.hpp>

#include "client.hpp"
#include "finder.hpp"
#include "names.hpp"

namespace cueball {

namespace asio = boost::asio;

namespace {

/// In a list the bad ones are skipped; this says what is wrong with one.
std::string problem_with_entry(const std::string& entry, bool may_be_dynamic) {
  if (entry.starts_with('@') && may_be_dynamic)
    return dns::problem_with_name(std::string_view{entry}.substr(1));
  if (dns::read_nameserver(entry)) return {};
  return "is neither an IP address, with or without a port,";
}

void check_nameservers(const detail::option_checks& checks, const std::string& field,
                       const std::vector<std::string>& entries, bool dynamic) {
  if (entries.empty()) return;
  if (std::any_of(entries.begin(), entries.end(),
                  [&](const std::string& each) { return problem_with_entry(each, dynamic).empty(); }))
    return;
  checks.wrong(field, "'" + entries.front() + "'" + (entries.size() > 1 ? " and others" : ""),
               dynamic ? "no entry is an IP address, with or without a port, or '@' and a host name"
                       : "no entry is an IP address, with or without a port");
}

std::string checked_domain(std::string domain, const dns_options& options) {
  check(options);
  const auto refuse = [&](const std::string& wrong) {
    throw_error(errc::bad_argument, "dns_resolver: the domain '" + domain + "' " + wrong);
  };
  if (detail::is_ip_address(domain)) refuse("is an address, which a static_resolver is for");
  if (const auto wrong = dns::problem_with_name(domain); !wrong.empty()) refuse(wrong);
  if (!options.service.empty())
    if (const auto wrong = dns::problem_with_name(options.service + "." + domain); !wrong.empty())
      refuse("with the service '" + options.service + "' " + wrong);
  return domain;
}

dns::quest quest_of(const std::string& domain, const dns_options& options) {
  return {.domain = domain,
          .service = options.service,
          .default_port = options.default_port,
          .v4 = options.families != dns_families::v6,
          .v6 = options.families != dns_families::v4,
          .min_ttl = options.min_ttl,
          .max_ttl = options.max_ttl,
          .concurrency = options.concurrency,
          .missing = options.patience.missing};
}

}  // namespace

void check(const dns_options& options) {
  const detail::option_checks checks{"dns_options"};
  if (!options.service.empty()) {
    if (const auto wrong = dns::problem_with_service(options.service); !wrong.empty())
      checks.wrong("service", "'" + options.service + "'", "it " + wrong);
  } else if (options.default_port == 0) {
    checks.wrong("default_port", "0", "without a service it must be 1 to 65535");
  }
  check_nameservers(checks, "nameservers", options.nameservers, true);
  check_nameservers(checks, "bootstrap", options.bootstrap, false);
  checks.range("", "min_ttl", options.min_ttl, "max_ttl", options.max_ttl);
  checks.count("concurrency", options.concurrency, 1000);
  if (options.patience.missing < 1) checks.out_of("patience.missing", "0", "at least 1");
  detail::check_recovery(checks, "recovery", options.recovery);
  if (options.families != dns_families::both && options.families != dns_families::v4 &&
      options.families != dns_families::v6)
    checks.out_of("families", std::to_string(static_cast<int>(options.families)), "one of the enumerators");
}

namespace detail {

/// What a `dns_resolver` knows. Its runs touch it from one strand each, one after the other.
class dns_discovery {
 public:
  dns_discovery(std::string domain, dns_options options)
      : domain_(checked_domain(std::move(domain), options)),
        options_(std::move(options)),
        random_(seed_of(options_.seed)),
        finder_(quest_of(domain_, options_)),
        client_(options_.recovery, random_),
        bootstrap_client_(options_.recovery, random_),
        told_(options_.patience) {
    for (const auto& entry : options_.nameservers) add_server(entry);
    for (const auto& entry : options_.bootstrap) {
      if (const auto server = dns::read_nameserver(entry))
        bootstrap_.push_back(*server);
      else
        skip("bootstrap", entry, problem_with_entry(entry, false));
    }
  }

  /// Ends only by cancellation.
  asio::awaitable<void> run(resolver_sink sink) {
    co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
    told_.begin_run();
    for (const auto& text : skipped_) sink.failed(errc::bad_argument, text);
    std::vector<std::string> warned_of;
    for (std::uint32_t failures = 0;;) {
      if (asks_system()) warn_of_skipped(sink, warned_of);
      auto search = dns::system_search_list();
      auto servers = co_await nameservers(sink, search);
      client_.use(std::move(servers));
      auto sight = co_await finder_.look(client_, std::move(search));
      for (const auto& each : sight.problems) sink.failed(each.error, "dns_resolver: " + each.text);
      if (sight.known) told_.take(sink, std::move(sight.backends));
      failures = sight.problems.empty() ? 0 : failures + 1;
      co_await dns::sleep(delay_after(sight, failures));
    }
  }

 private:
  /// `@NAME`
  struct dynamic_servers {
    std::string entry;
    dns::finder finder;
    std::vector<dns::nameserver> known{};
    time_point until = time_point::min();
  };

  void skip(const std::string& field, const std::string& entry, const std::string& wrong) {
    skipped_.push_back("dns_resolver: dns_options::" + field + ": the nameserver '" + entry +
                       "' is skipped: it " + wrong);
  }

  void add_server(const std::string& entry) {
    if (auto wrong = problem_with_entry(entry, true); !wrong.empty()) {
      if (!entry.starts_with('@')) wrong += " nor '@' and a host name";
      return skip("nameservers", entry, wrong);
    }
    if (!entry.starts_with('@')) {
      static_servers_.push_back(*dns::read_nameserver(entry));
      order_.push_back(nullptr);
      return;
    }
    auto quest = quest_of(entry.substr(1), options_);
    quest.service = "_dns._udp";
    quest.default_port = 53;
    dynamic_.push_back(std::make_unique<dynamic_servers>(entry, dns::finder{std::move(quest)}));
    order_.push_back(dynamic_.back().get());
  }

  bool asks_system() const noexcept { return order_.empty() || (bootstrap_.empty() && !dynamic_.empty()); }

  /// Once in a run, and again when there are others.
  static void warn_of_skipped(const resolver_sink& sink, std::vector<std::string>& warned_of) {
    auto skipped = dns::system_nameservers_skipped();
    if (skipped == warned_of) return;
    for (const auto& entry : skipped)
      sink.failed(errc::bad_argument, "dns_resolver: /etc/resolv.conf: the nameserver '" + entry +
                                          "' is skipped: it is no IP address");
    warned_of = std::move(skipped);
  }

  asio::awaitable<std::vector<dns::nameserver>> nameservers(resolver_sink sink, dns::search_list search) {
    if (order_.empty()) co_return dns::system_nameservers();
    std::vector<dns::nameserver> out;
    auto next = static_servers_.begin();
    for (auto* const each : order_) {
      if (!each) {
        out.push_back(*next++);
        continue;
      }
      if (std::chrono::steady_clock::now() >= each->until) co_await find_servers(*each, sink, search);
      out.insert(out.end(), each->known.begin(), each->known.end());
    }
    co_return out;
  }

  /// Nameservers that were known stay when their successors cannot be found.
  asio::awaitable<void> find_servers(dynamic_servers& of, resolver_sink sink, dns::search_list search) {
    bootstrap_client_.use(bootstrap_.empty() ? dns::system_nameservers() : bootstrap_);
    const auto sight = co_await of.finder.look(bootstrap_client_, std::move(search));
    const auto prefix = "dns_resolver: the nameservers of '" + of.entry + "': ";
    for (const auto& each : sight.problems) sink.failed(each.error, prefix + each.text);
    if (!sight.known) co_return;
    if (sight.backends.empty()) {
      sink.failed(asio::error::host_not_found, prefix + "there are none");
      co_return;
    }
    of.known.clear();
    for (const auto& each : sight.backends) of.known.push_back({each.address, each.port});
    of.until = after(std::chrono::steady_clock::now(), sight.holds_for);
  }

  duration delay_after(const dns::sight& seen, std::uint32_t failures) {
    auto delay = seen.holds_for;
    if (seen.known) delay += core::part_of(delay, options_.recovery.spread * random_.fraction());
    if (failures > 0) {
      const auto soon = core::backoff_delay(options_.recovery, failures, random_);
      delay = seen.known ? std::min(delay, soon) : soon;
      for (const auto& each : dynamic_) each->until = time_point::min();
    }
    return delay;
  }

  std::string domain_;
  dns_options options_;
  random_source random_;
  dns::finder finder_;
  dns::client client_;
  dns::client bootstrap_client_;
  announcements told_;
  std::vector<dns::nameserver> bootstrap_;
  std::vector<dns::nameserver> static_servers_;
  std::vector<std::unique_ptr<dynamic_servers>> dynamic_;
  std::vector<dynamic_servers*> order_;  ///< Null: the next one of the static ones.
  std::vector<std::string> skipped_;
};

}  // namespace detail

dns_resolver::dns_resolver(std::string domain, dns_options options)
    : discovery_(std::make_shared<detail::dns_discovery>(std::move(domain), std::move(options))) {}

dns_resolver::dns_resolver(dns_resolver&&) noexcept = default;
dns_resolver& dns_resolver::operator=(dns_resolver&&) noexcept = default;
dns_resolver::~dns_resolver() = default;

namespace {

asio::awaitable<void> run_with(std::shared_ptr<detail::dns_discovery> discovery, resolver_sink sink) {
  co_await discovery->run(std::move(sink));
}

/// The strand is for tokens whose executor runs on several threads. What cancels the run goes through it,
/// too: behind the run's beginning, since co_spawn throws into the executor what is cancelled before that.
struct run_on_strand {
  explicit run_on_strand(const asio::any_io_executor& executor) : strand(asio::make_strand(executor)) {}

  asio::any_io_executor strand;
  asio::cancellation_signal cancel;
};

error_code code_of(const std::exception_ptr& thrown) {
  try {
    if (thrown) std::rethrow_exception(thrown);
  } catch (const boost::system::system_error& failure) {
    return failure.code();
  } catch (...) {
  }
  return errc::resolver_failed;
}

}  // namespace

void dns_resolver::start(std::shared_ptr<detail::dns_discovery> discovery,
                         const asio::any_io_executor& executor, resolver_sink sink, handler_type handler) {
  auto slot = asio::get_associated_cancellation_slot(handler);
  const auto running = std::make_shared<run_on_strand>(executor);
  if (slot.is_connected())
    slot.assign([weak = std::weak_ptr{running}](asio::cancellation_type type) {
      if (const auto it = weak.lock()) asio::dispatch(it->strand, [it, type] { it->cancel.emit(type); });
    });
  asio::co_spawn(
      running->strand, run_with(std::move(discovery), std::move(sink)),
      asio::bind_cancellation_slot(
          running->cancel.slot(),
          [executor, slot, running, handler = std::move(handler)](const std::exception_ptr& thrown) mutable {
            asio::post(executor, [slot, handler = std::move(handler), code = code_of(thrown)]() mutable {
              if (slot.is_connected()) slot.clear();
              std::move(handler)(code);
            });
          }));
}

}  // namespace cueball
