// SPDX-License-Identifier: BSL-1.0
/// \file
/// Resolvers around the one whose laws are looked at: one that dies, and one whose sink somebody else has,
/// too.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>

#include <cueball/error.hpp>
#include <cueball/resolver.hpp>

namespace cueball::laws::detail {

/// When the time of a run has come. Any thread.
class fate {
 public:
  void strike() {
    std::function<void()> now;
    {
      const std::scoped_lock lock{mutex_};
      now = std::exchange(blow_, {});
    }
    if (now) now();
  }

  void set(std::function<void()> how) {
    const std::scoped_lock lock{mutex_};
    blow_ = std::move(how);
  }

 private:
  std::mutex mutex_;
  std::function<void()> blow_;
};

/// A resolver that ends by itself when fate strikes.
template <class Resolver>
class mortal {
 public:
  mortal(Resolver inside, std::shared_ptr<fate> of)
      : inside_(std::make_shared<Resolver>(std::move(inside))), fate_(std::move(of)) {}

  template <class Token>
    requires async_resolver<Resolver>
  auto async_run(resolver_sink sink, Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code)>(
        [inside = inside_, fate = fate_](auto handler, resolver_sink to) {
          namespace asio = boost::asio;
          const asio::any_io_executor executor = asio::get_associated_executor(handler);
          const auto cancel = std::make_shared<asio::cancellation_signal>();
          const auto died = std::make_shared<bool>(false);
          fate->set([=] {
            asio::post(executor, [=] {
              *died = true;
              cancel->emit(asio::cancellation_type::all);
            });
          });
          auto slot = asio::get_associated_cancellation_slot(handler);
          if (slot.is_connected())
            slot.assign([cancel](asio::cancellation_type type) { cancel->emit(type); });
          inside->async_run(
              std::move(to),
              asio::bind_cancellation_slot(
                  cancel->slot(), asio::bind_executor(executor, [handler = std::move(handler), died, slot,
                                                                 cancel, inside](error_code error) mutable {
                    if (slot.is_connected()) slot.clear();
                    if (*died) error = make_error_code(errc::resolver_failed);
                    std::move(handler)(error);
                  })));
        },
        token, std::move(sink));
  }

  void run(const resolver_sink& sink, const std::stop_token& stop)
    requires(!async_resolver<Resolver>)
  {
    std::stop_source end;
    fate_->set([end]() mutable { end.request_stop(); });
    const std::stop_callback both{stop, [&] { end.request_stop(); }};
    inside_->run(sink, end.get_token());
    if (!stop.stop_requested()) throw std::runtime_error("struck down");
  }

 private:
  std::shared_ptr<Resolver> inside_;
  std::shared_ptr<fate> fate_;
};

/// Somebody else has its sink, too.
template <class Resolver>
struct tapped {
  Resolver inside;
  std::shared_ptr<std::optional<resolver_sink>> copy;

  template <class Token>
    requires async_resolver<Resolver>
  auto async_run(resolver_sink sink, Token&& token) {
    *copy = sink;
    return inside.async_run(std::move(sink), std::forward<Token>(token));
  }

  void run(const resolver_sink& sink, const std::stop_token& stop)
    requires(!async_resolver<Resolver>)
  {
    *copy = sink;
    inside.run(sink, stop);
  }
};

}  // namespace cueball::laws::detail
