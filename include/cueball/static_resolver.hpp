// SPDX-License-Identifier: BSL-1.0
/// \file
/// static_resolver: backends that are known beforehand and never change.
#pragma once

#include <initializer_list>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/consign.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cueball/backend.hpp>
#include <cueball/resolver.hpp>

namespace cueball {

namespace detail {

/// Completes with `operation_aborted` when it is cancelled, and never else.
template <class Token>
auto async_wait_cancelled(Token&& token) {
  return boost::asio::async_initiate<Token, void(error_code)>(
      [](auto handler) {
        auto timer = std::make_shared<boost::asio::steady_timer>(
            boost::asio::get_associated_executor(handler), boost::asio::steady_timer::time_point::max());
        timer->async_wait(boost::asio::consign(std::move(handler), timer));
      },
      token);
}

}  // namespace detail

/// Announces its list and then says nothing more.
class static_resolver {
 public:
  /// Throws `std::system_error` (`errc::bad_backend`) for an empty list, a malformed backend, or one that is
  /// listed twice.
  static_resolver(std::initializer_list<backend> backends)
      : static_resolver(std::vector<backend>{backends}) {}

  explicit static_resolver(std::vector<backend> backends) : backends_(std::move(backends)) {
    if (backends_.empty()) throw_error(errc::bad_backend, "static_resolver: the list of backends is empty");
    std::set<std::string> keys;
    for (const auto& where : backends_) {
      check(where);
      if (!keys.insert(where.key()).second)
        throw_error(errc::bad_backend, "static_resolver: the backend '" + where.key() + "' is listed twice");
    }
  }

  template <class Token>
  auto async_run(resolver_sink sink, Token&& token) {
    for (const auto& where : backends_) sink.added(where);
    sink.round_done();
    return detail::async_wait_cancelled(std::forward<Token>(token));
  }

 private:
  std::vector<backend> backends_;
};

}  // namespace cueball
