// SPDX-License-Identifier: BSL-1.0
#include "finder.hpp"

#include <algorithm>
#include <exception>
#include <set>
#include <tuple>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace cueball::dns {

namespace asio = boost::asio;
using kind = finding::kind;
using namespace std::chrono_literals;

namespace {

// For answers that do not say how long they hold. Those of node-cueball, as are the two for SRV records.
constexpr duration no_records_life = 1min;
constexpr duration no_services_life = 1h;

// How long a domain of which it is not known whether it has SRV records is used without: at first, and when
// its own addresses have been seen.
constexpr duration first_services_wait = 1min;
constexpr duration services_wait = 15min;

time_point now() noexcept {
  return std::chrono::steady_clock::now();
}

}  // namespace

std::vector<record_type> finder::families() const {
  std::vector<record_type> out;
  if (quest_.v4) out.push_back(record_type::a);
  if (quest_.v6) out.push_back(record_type::aaaa);
  return out;
}

duration finder::life(std::optional<std::uint32_t> ttl, duration otherwise) const {
  return std::clamp(ttl ? duration{std::chrono::seconds{*ttl}} : otherwise, quest_.min_ttl, quest_.max_ttl);
}

void finder::holds(duration length) {
  holds_until_ = std::min(holds_until_, after(now(), length));
}

asio::awaitable<sight> finder::look(client& servers, search_list search) {
  sight_ = {};
  fresh_.clear();
  holds_until_ = never_comes;
  const auto services = co_await look_for_services(servers, search);
  switch (services) {  // g++ 12 breaks the coroutine that awaits in here
    case service_answer::services:
      co_await look_up_targets(servers);
      collect();
      break;
    case service_answer::plain:
      co_await look_up_domain(servers, search);
      collect();
      break;
    case service_answer::none:
      sight_.known = true;
      break;
    case service_answer::unknown:
      break;
  }
  // An answer that came later than its TTL allows is no reason to ask at once.
  sight_.holds_for = std::clamp(holds_until_ - now(), quest_.min_ttl, quest_.max_ttl);
  co_return std::move(sight_);
}

asio::awaitable<finder::service_answer> finder::look_for_services(client& servers,
                                                                  const search_list& search) {
  if (quest_.service.empty()) co_return service_answer::plain;
  if (!seen_services_ && now() < next_services_) {
    holds(next_services_ - now());
    co_return service_answer::plain;
  }
  const bool may_fall_back = !seen_services_ && quest_.default_port != 0;
  lookup got;
  std::optional<std::uint32_t> ttl;
  for (const auto& name : search.candidates(quest_.service + "." + quest_.domain)) {
    got = co_await servers.look_up(name, record_type::srv);
    if (got.found.what != kind::empty) break;
    if (got.found.ttl) ttl = std::min(ttl.value_or(*got.found.ttl), *got.found.ttl);
  }
  if (got.found.what == kind::found) {
    seen_services_ = true;
    services_failed_.reset();
    take_services(got);
    co_return service_answer::services;
  }
  if (got.found.what == kind::empty) {
    services_failed_.reset();
    const auto length = life(ttl, may_fall_back ? no_services_life : no_records_life);
    holds(length);
    if (!may_fall_back) co_return service_answer::none;
    next_services_ = after(now(), length);
    co_return service_answer::plain;
  }
  if (may_fall_back && got.found.what == kind::not_implemented) {
    services_failed_.reset();
    next_services_ = after(now(), life({}, no_services_life));
    co_return service_answer::plain;
  }
  sight_.problems.push_back(got.why);
  if (!may_fall_back) co_return service_answer::unknown;
  services_failed_ = got.why;
  next_services_ = after(now(), life({}, seen_addresses_ ? services_wait : first_services_wait));
  holds(next_services_ - now());
  co_return service_answer::plain;
}

void finder::take_services(const lookup& answer) {
  targets_.clear();
  for (const auto& each : answer.found.records) {
    const auto& service = std::get<service_data>(each.data);
    if (service.target == ".") continue;  // RFC 2782: decidedly not available
    auto wrong = problem_with_name(service.target);
    if (wrong.empty() && service.port == 0) wrong = "has port 0";
    if (!wrong.empty()) {
      sight_.problems.push_back(
          {errc::bad_argument,
           "the target '" + service.target + "' of the SRV record '" + each.owner + "' " + wrong});
      continue;
    }
    targets_.push_back({service.target, service.port, service.priority, service.weight});
  }
  // Of backends that are named twice the first one counts: the better one.
  std::sort(targets_.begin(), targets_.end(), [](const target& left, const target& right) {
    return std::tie(left.priority, right.weight, left.name, left.port) <
           std::tie(right.priority, left.weight, right.name, right.port);
  });
  services_ = answer.answer;
  holds(life(answer.found.ttl, no_records_life));
}

asio::awaitable<void> finder::look_up_targets(client& servers) {
  std::set<std::string> names;
  std::vector<job> jobs;
  for (const auto& each : targets_) {
    if (!names.insert(each.name).second) continue;
    for (const auto type : families()) {
      const auto along = read_additional(services_, each.name, type);
      if (along.what == kind::found)
        learn({each.name, type}, along);
      else
        jobs.push_back({{each.name, type}, each.name + "."});
    }
  }
  services_ = {};
  co_await run(servers, jobs);
  for (const auto& each : jobs) learn(each);
}

asio::awaitable<void> finder::look_up_domain(client& servers, const search_list& search) {
  const auto key = canonical(quest_.domain);
  targets_.assign(1, {key, quest_.default_port});
  std::vector<job> jobs;
  for (const auto& name : search.candidates(quest_.domain)) {
    jobs.clear();
    for (const auto type : families()) jobs.push_back({{key, type}, name});
    co_await run(servers, jobs);
    const bool all_empty = std::all_of(jobs.begin(), jobs.end(),
                                       [](const job& each) { return each.result.found.what == kind::empty; });
    if (!all_empty) break;
    for (const auto& each : jobs) holds(life(each.result.found.ttl, no_records_life));
  }
  for (const auto& each : jobs) learn(each);
}

/// Each worker takes the next job that nobody has taken.
asio::awaitable<void> finder::run(client& servers, std::vector<job>& jobs) {
  if (jobs.empty()) co_return;
  const auto executor = co_await asio::this_coro::executor;
  std::size_t next = 0;
  const auto work = [&]() -> asio::awaitable<void> {
    co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
    while (next < jobs.size()) {
      auto& mine = jobs[next++];
      mine.result = co_await servers.look_up(mine.name, mine.where.second);
    }
  };
  using worker = decltype(asio::co_spawn(executor, work, asio::deferred));
  std::vector<worker> workers;
  const auto count = std::min<std::size_t>(jobs.size(), quest_.concurrency);
  for (std::size_t i = 0; i < count; ++i) workers.push_back(asio::co_spawn(executor, work, asio::deferred));
  auto [order, failures] = co_await asio::experimental::make_parallel_group(std::move(workers))
                               .async_wait(asio::experimental::wait_for_all(), asio::use_awaitable);
  co_await throw_if_cancelled();
  for (const auto& each : failures)
    if (each) std::rethrow_exception(each);
}

void finder::learn(const place& where, const finding& found) {
  auto& known = addresses_[where];
  for (auto& [address, missing] : known) ++missing;
  for (const auto& each : found.records) {
    known[std::get<address_data>(each.data).address] = 0;
    seen_addresses_ = true;
  }
  std::erase_if(known, [&](const auto& each) { return each.second >= quest_.missing; });
  fresh_[where] = true;
  holds(life(found.ttl, no_records_life));
}

void finder::learn(const job& done) {
  const auto& found = done.result.found;
  const bool no_such_type = found.what == kind::not_implemented && done.where.second == record_type::aaaa;
  if (found.what == kind::found || found.what == kind::empty || no_such_type)
    learn(done.where, found);
  else
    sight_.problems.push_back(done.result.why);
}

void finder::collect() {
  std::erase_if(addresses_, [&](const auto& each) {
    return std::none_of(targets_.begin(), targets_.end(),
                        [&](const target& one) { return one.name == each.first.first; });
  });
  for (const auto& each : targets_)
    for (const auto type : families()) {
      const place where{each.name, type};
      const auto known = addresses_.find(where);
      if (known == addresses_.end()) continue;
      for (const auto& [address, missing] : known->second)
        if (missing == 0 || !fresh_.contains(where))
          sight_.backends.push_back({.address = address,
                                     .port = each.port,
                                     .name = each.name,
                                     .weight = each.weight,
                                     .priority = each.priority});
    }
  // Where something is not known, no backends at all are no answer.
  if (sight_.backends.empty() && services_failed_ && sight_.problems.empty())
    sight_.problems.push_back(*services_failed_);
  sight_.known =
      (targets_.empty() || !fresh_.empty()) && !(sight_.backends.empty() && !sight_.problems.empty());
}

}  // namespace cueball::dns
