// SPDX-License-Identifier: BSL-1.0
/// \file
/// memory_connection: a connection to nothing, for laws that are about the pool.
#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>

#include <cueball/backend.hpp>
#include <cueball/error.hpp>

namespace cueball::laws {

/// Connects at once.
struct memory_connection {
  memory_connection(boost::asio::any_io_executor on, const backend&) : executor(std::move(on)) {}

  template <class Token>
  auto async_connect(Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code)>(
        [this](auto handler) {
          boost::asio::post(executor, boost::asio::append(std::move(handler), error_code{}));
        },
        token);
  }

  void close() noexcept {}

  boost::asio::any_io_executor executor;

  /// For whoever wants to know how many use it at once.
  std::unique_ptr<std::atomic<int>> users = std::make_unique<std::atomic<int>>(0);
};

}  // namespace cueball::laws
