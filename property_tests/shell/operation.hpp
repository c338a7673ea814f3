// SPDX-License-Identifier: BSL-1.0
/// \file
/// An asynchronous operation that ends when the world says so.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>

#include <cueball/error.hpp>

namespace cueball::laws::shell {

/// Keeps its handler, and work outstanding on the handler's executor.
class operation {
 public:
  virtual ~operation() = default;

  /// Hands the handler to its executor; `first` is called right before it, and there. Once.
  virtual void complete(error_code error, std::function<void()> first) = 0;
};

/// \tparam Handler has an associated executor.
template <class Handler>
class operation_of final : public operation {
 public:
  explicit operation_of(Handler handler)
      : handler_(std::move(handler)),
        work_(boost::asio::prefer(boost::asio::get_associated_executor(handler_),
                                  boost::asio::execution::outstanding_work.tracked)) {}

  void complete(error_code error, std::function<void()> first) override {
    const auto executor = boost::asio::get_associated_executor(handler_);
    boost::asio::post(executor, [handler = std::move(handler_), work = std::move(work_), error,
                                 first = std::move(first)]() mutable {
      if (first) first();
      std::move(handler)(error);
    });
  }

 private:
  Handler handler_;
  boost::asio::any_io_executor work_;
};

template <class Handler>
std::unique_ptr<operation> keep_operation(Handler handler) {
  return std::make_unique<operation_of<Handler>>(std::move(handler));
}

/// Calls `cancelled()` when the operation is cancelled.
template <class Handler, class Cancelled>
void on_cancel(const Handler& handler, Cancelled cancelled) {
  if (auto slot = boost::asio::get_associated_cancellation_slot(handler); slot.is_connected())
    slot.assign([cancelled](boost::asio::cancellation_type type) {
      if (type != boost::asio::cancellation_type::none) cancelled();
    });
}

}  // namespace cueball::laws::shell
