// SPDX-License-Identifier: BSL-1.0
/// \file
/// The laws of a resolver, over the dns_resolver.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <cueball/dns_resolver.hpp>
#include <cueball/laws/resolver.hpp>

#include "discovery/support/nameserver.hpp"
#include "support/catch.hpp"

using namespace cueball;
using namespace std::chrono_literals;
using namespace support;

namespace {

constexpr unsigned srv_type = 33;

/// A zone that is turned.
class turned_zone {
 public:
  /// \param wanted the type of the question that is asked first for each answer
  explicit turned_zone(unsigned wanted) : wanted_(wanted) {}

  void answer(const std::vector<backend>& all) {
    set([this, all](const dns_question& asked) {
      return wanted_ == srv_type ? services(asked, all) : addresses(asked, all);
    });
  }
  void fail() {
    set([](const dns_question&) { return dns_answer{.code = servfail}; });
  }
  void fall_silent() {
    set([](const dns_question&) { return dns_answer{.silent = true}; });
  }
  std::uint64_t asked() const {
    const std::scoped_lock lock{mutex_};
    return *asked_;
  }

  std::vector<backend> candidates() const {
    std::vector<backend> all;
    for (const char* const last : {"1", "2", "3"}) {
      backend where{.address = std::string{"10.0.0."} + last, .port = 80};
      if (wanted_ != srv_type) {
        where.name = "svc.test";
        all.push_back(where);
        continue;
      }
      where.name = std::string{"web"} + last + ".test";
      for (const std::uint32_t weight : {1U, 3U})
        for (const std::uint32_t priority : {0U, 1U}) {
          where.weight = weight;
          where.priority = priority;
          all.push_back(where);
        }
    }
    return all;
  }

  dns_options options(patience how) const {
    return {.service = wanted_ == srv_type ? "_web._tcp" : "",
            .default_port = static_cast<std::uint16_t>(wanted_ == srv_type ? 0 : 80),
            .nameservers = {server_.text()},
            .min_ttl = 2ms,
            .max_ttl = 4ms,
            .patience = how,
            .recovery = {.retries = 1, .timeout = 50ms, .delay = 2ms, .max_delay = 5ms},
            .families = dns_families::v4};
  }

 private:
  /// A question counts for the answers that it is given by.
  void set(nameserver::script how) {
    const auto count = std::make_shared<std::atomic<std::uint64_t>>(0);
    server_.answer([wanted = wanted_, count, how = std::move(how)](const dns_question& asked) {
      if (asked.type == wanted) ++*count;
      return how(asked);
    });
    const std::scoped_lock lock{mutex_};
    asked_ = count;
  }

  /// All addresses are there in any case, so that each answer is of one moment.
  static dns_answer services(const dns_question& asked, const std::vector<backend>& all) {
    if (asked.type != srv_type) return {.answers = {a(asked.name, "10.0.0." + asked.name.substr(3, 1), 0)}};
    dns_answer said;
    for (const auto& where : all)
      said.answers.push_back(srv(asked.name, where.name, where.port, 0, where.priority, where.weight));
    if (all.empty()) said.code = nxdomain;
    return said;
  }

  static dns_answer addresses(const dns_question& asked, const std::vector<backend>& all) {
    dns_answer said;
    for (const auto& where : all) said.answers.push_back(a(asked.name, where.address, 0));
    if (all.empty()) said.code = nxdomain;
    return said;
  }

  unsigned wanted_;
  mutable std::mutex mutex_;
  std::shared_ptr<std::atomic<std::uint64_t>> asked_ = std::make_shared<std::atomic<std::uint64_t>>(0);
  nameserver server_{[](const dns_question&) { return dns_answer{.code = nxdomain}; }};
};

}  // namespace

TEST_CASE("the dns_resolver keeps the laws of resolvers") {
  const auto type = GENERATE(33U, 1U);
  const auto how = GENERATE(patience{}, patience{3, 2}, patience{1, 0});
  CAPTURE(type, how.missing, how.empty);
  turned_zone source{type};
  laws::check_resolver([&] { return dns_resolver{"svc.test", source.options(how)}; }, source,
                       {.how = how, .changes = 100});
}
