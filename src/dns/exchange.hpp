// SPDX-License-Identifier: BSL-1.0
/// \file
/// One question to one nameserver, and its answer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <cueball/error.hpp>
#include <cueball/time.hpp>

#include "answer.hpp"
#include "names.hpp"

namespace cueball::dns {

/// What came back.
struct reply {
  /// The whole message; empty if none came.
  std::vector<std::uint8_t> bytes;

  /// Why none came.
  std::string problem;
  bool timed_out = false;
};

/// Asks over UDP, and again over TCP if that answer is truncated; all within `timeout`. The socket is a new
/// one each time, so that nobody can guess its port. Runs on the coroutine's executor, which has to be
/// serial. Throws `operation_aborted` when it is cancelled, and nothing else but `std::bad_alloc`.
boost::asio::awaitable<reply> ask(nameserver whom, std::string name, record_type type, duration timeout);

/// Throws `operation_aborted` if the coroutine was cancelled.
boost::asio::awaitable<void> throw_if_cancelled();

}  // namespace cueball::dns
