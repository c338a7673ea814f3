// SPDX-License-Identifier: BSL-1.0
/// \file
/// What the compiled part of an asynchronous resolver is given of a run.
#pragma once

#include <utility>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>

#include <cueball/error.hpp>
#include <cueball/resolver.hpp>

namespace cueball::detail {

struct resolver_run {
  resolver_sink sink;
  boost::asio::any_io_executor executor;  ///< The handler's.
  boost::asio::cancellation_slot slot;
  boost::asio::any_completion_handler<void(error_code)> handler;

  /// Once, when all else of the run is over.
  void complete(error_code how) {
    boost::asio::post(executor, [handler = std::move(handler), how]() mutable { std::move(handler)(how); });
  }
};

/// \param begin is called with a `resolver_run`, inside this call; it must not complete it there by itself
template <class Begin, class Token>
auto async_begin_run(resolver_sink sink, Token&& token, Begin begin) {
  return boost::asio::async_initiate<Token, void(error_code)>(
      [](auto handler, resolver_sink to, Begin start) {
        boost::asio::any_io_executor executor = boost::asio::get_associated_executor(handler);
        boost::asio::cancellation_slot slot = boost::asio::get_associated_cancellation_slot(handler);
        start(resolver_run{std::move(to), std::move(executor), slot, std::move(handler)});
      },
      token, std::move(sink), std::move(begin));
}

}  // namespace cueball::detail
