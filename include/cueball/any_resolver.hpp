// SPDX-License-Identifier: BSL-1.0
/// \file
/// any_resolver: an asynchronous resolver of any type.
#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_executor.hpp>

#include <cueball/resolver.hpp>

namespace cueball {

/// For programs that learn at run time which resolver they need. A handle: copies are the same resolver, of
/// which one may run at a time.
class any_resolver {
 public:
  template <async_resolver Resolver>
    requires(!std::same_as<std::remove_cvref_t<Resolver>, any_resolver>)
  explicit any_resolver(Resolver resolver) : of_(std::make_shared<model<Resolver>>(std::move(resolver))) {}

  /// As that of the resolver inside.
  template <class Token>
  auto async_run(resolver_sink sink, Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code)>(
        [](auto handler, std::shared_ptr<any> of, resolver_sink to) {
          const boost::asio::any_io_executor executor = boost::asio::get_associated_executor(handler);
          of->run(std::move(to), executor, std::move(handler));
        },
        token, of_, std::move(sink));
  }

 private:
  using handler_type = boost::asio::any_completion_handler<void(error_code)>;

  struct any {
    virtual ~any() = default;
    virtual void run(resolver_sink sink, const boost::asio::any_io_executor& on, handler_type handler) = 0;
  };

  template <class Resolver>
  struct model final : any {
    explicit model(Resolver inside) : resolver(std::move(inside)) {}

    void run(resolver_sink sink, const boost::asio::any_io_executor& on, handler_type handler) override {
      resolver.async_run(std::move(sink), boost::asio::bind_executor(on, std::move(handler)));
    }

    Resolver resolver;
  };

  std::shared_ptr<any> of_;
};

}  // namespace cueball
