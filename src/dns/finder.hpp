// SPDX-License-Identifier: BSL-1.0
/// \file
/// What a domain provides, as DNS has it: SRV records and addresses, put together.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <cueball/backend.hpp>
#include <cueball/time.hpp>

#include "client.hpp"

namespace cueball::dns {

/// What is looked for, and how.
struct quest {
  std::string domain;
  std::string service;
  std::uint16_t default_port = 0;
  bool v4 = true;
  bool v6 = true;
  duration min_ttl{};
  duration max_ttl{};
  std::uint32_t concurrency = 1;

  /// An address is kept where its lookup failed if so many answers before, or fewer, had it.
  std::uint32_t missing = 1;
};

/// One look at all of it.
struct sight {
  /// Whether `backends` is an answer; else nothing is known, and `problems` says why.
  bool known = false;
  std::vector<backend> backends;

  /// How long the answer holds: not shorter than `min_ttl`.
  duration holds_for{};

  /// What could not be found out; of that, what was known before is in `backends`.
  std::vector<problem> problems;
};

/// Remembers what it saw, since it depends on that when it falls back. One look at a time.
class finder {
 public:
  explicit finder(quest what) : quest_(std::move(what)) {}

  boost::asio::awaitable<sight> look(client& servers, search_list search);

 private:
  struct target {
    std::string name;  ///< Of the backend.
    std::uint16_t port = 0;
    std::uint32_t priority = 0;
    std::uint32_t weight = 1;
  };

  /// Addresses of one family of one target; in how many answers in a row each was missing.
  using memory = std::map<std::string, std::uint32_t>;
  using place = std::pair<std::string, record_type>;

  struct job {
    place where;
    std::string name;  ///< What is asked for.
    lookup result{};
  };

  enum class service_answer { services, none, plain, unknown };

  boost::asio::awaitable<service_answer> look_for_services(client& servers, const search_list& search);
  boost::asio::awaitable<void> look_up_targets(client& servers);
  boost::asio::awaitable<void> look_up_domain(client& servers, const search_list& search);
  boost::asio::awaitable<void> run(client& servers, std::vector<job>& jobs);

  std::vector<record_type> families() const;
  void take_services(const lookup& answer);
  void learn(const place& where, const finding& found);
  void learn(const job& done);
  void holds(duration length);
  duration life(std::optional<std::uint32_t> ttl, duration otherwise) const;
  void collect();

  quest quest_;
  bool seen_services_ = false;
  bool seen_addresses_ = false;
  time_point next_services_ = time_point::min();  ///< Without SRV records: when to ask for them again.
  std::optional<problem> services_failed_;        ///< Why it is not known whether there are any.
  std::vector<target> targets_;
  message services_;
  std::map<place, memory> addresses_;

  // Of the look that is under way.
  sight sight_;
  time_point holds_until_{};
  std::map<place, bool> fresh_;  ///< Whether the place was answered for.
};

}  // namespace cueball::dns
