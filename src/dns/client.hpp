// SPDX-License-Identifier: BSL-1.0
/// \file
/// Asks nameservers until one knows.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <cueball/pool_options.hpp>
#include <cueball/random.hpp>

#include "answer.hpp"
#include "exchange.hpp"
#include "names.hpp"

namespace cueball::dns {

/// Why something is not known, for `resolver_sink::failed`.
struct problem {
  error_code error;
  std::string text;
};

/// What became of a question.
struct lookup {
  finding found;
  message answer;  ///< Whole, where something was found.
  problem why;     ///< Where nothing is known.
};

/// Several questions may be under way at once. Not thread-safe; it has to outlive them.
class client {
 public:
  client(operation_recovery how, random_source& random) : how_(how), random_(random) {}

  /// Those that are asked from now on, in this order; the one that answered last is asked first.
  void use(std::vector<nameserver> servers);

  const std::vector<nameserver>& servers() const noexcept { return servers_; }

  /// The next server is asked when one fails. When all have, all are asked again after a while, as the
  /// recovery says; but not if all refused, or none knows the type. Aliases are followed.
  boost::asio::awaitable<lookup> look_up(std::string name, record_type type);

 private:
  boost::asio::awaitable<lookup> ask_all(std::string name, record_type type);

  operation_recovery how_;
  random_source& random_;
  std::vector<nameserver> servers_;
  nameserver last_good_;
};

/// Returns after `length`; throws `operation_aborted` when it is cancelled.
boost::asio::awaitable<void> sleep(duration length);

}  // namespace cueball::dns
