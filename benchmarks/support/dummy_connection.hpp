// SPDX-License-Identifier: BSL-1.0
/// \file
/// A connection that does no I/O.
#pragma once

#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/post.hpp>

#include <cueball/backend.hpp>
#include <cueball/error.hpp>

namespace bench {

/// It is connected by one post.
class dummy_connection {
 public:
  dummy_connection(const boost::asio::any_io_executor& executor, const cueball::backend&)
      : executor_(executor) {}

  template <class Token>
  auto async_connect(Token&& token) {
    return boost::asio::post(executor_,
                             boost::asio::append(std::forward<Token>(token), cueball::error_code{}));
  }

  void close() noexcept { is_open_ = false; }
  bool is_open() const noexcept { return is_open_; }

 private:
  boost::asio::any_io_executor executor_;
  bool is_open_ = true;
};

}  // namespace bench
