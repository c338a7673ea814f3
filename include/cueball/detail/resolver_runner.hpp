// SPDX-License-Identifier: BSL-1.0
/// \file
/// A resolver without its type: started, and stopped.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>

#include <cueball/detail/what.hpp>
#include <cueball/error.hpp>
#include <cueball/resolver.hpp>

namespace cueball::detail {

/// `start` and `stop` are called on the serial executor.
class resolver_runner {
 public:
  /// Told on the serial executor when a run is over.
  using ended = std::function<void(error_code, std::string)>;

  virtual ~resolver_runner() = default;

  /// One run at a time.
  virtual void start(resolver_sink sink, ended on_end) = 0;
  virtual void stop() = 0;

  /// The pool goes, whether or not the serial executor still runs: no run begins from here on, and one on a
  /// thread of the pool's is over when this returns. Called on any thread, once.
  virtual void finish() noexcept = 0;
};

template <async_resolver Resolver>
class async_runner final : public resolver_runner {
 public:
  async_runner(Resolver resolver, boost::asio::any_io_executor serial)
      : resolver_(std::move(resolver)), serial_(std::move(serial)) {}

  void start(resolver_sink sink, ended on_end) override {
    cancel_ = std::make_shared<boost::asio::cancellation_signal>();
    resolver_.async_run(
        std::move(sink),
        boost::asio::bind_cancellation_slot(
            cancel_->slot(),
            boost::asio::bind_executor(serial_, [this, on_end = std::move(on_end)](error_code error) {
              cancel_.reset();
              on_end(error, "the resolver ended its run");
            })));
  }

  void stop() override {
    // The signal lives until the run is over: what is composed of several steps looks at it after each.
    if (const auto cancel = cancel_) cancel->emit(boost::asio::cancellation_type::all);
  }

  void finish() noexcept override {}

 private:
  Resolver resolver_;
  boost::asio::any_io_executor serial_;
  std::shared_ptr<boost::asio::cancellation_signal> cancel_;
};

template <blocking_resolver Resolver>
class blocking_runner final : public resolver_runner {
 public:
  blocking_runner(Resolver resolver, boost::asio::any_io_executor serial)
      : resolver_(std::move(resolver)), serial_(std::move(serial)) {}

  void start(resolver_sink sink, ended on_end) override {
    const std::scoped_lock lock{mutex_};
    if (finished_) return;
    thread_ = std::jthread{[this, sink = std::move(sink), on_end = std::move(on_end)](std::stop_token stop) {
      auto failure = failure_of(errc::resolver_failed, [&] { resolver_.run(sink, stop); });
      if (!failure.error) failure = {errc::resolver_failed, "the resolver ended its run"};
      boost::asio::post(serial_, [on_end, failure] { on_end(failure.error, failure.text); });
    }};
  }

  void stop() override { source().request_stop(); }

  void finish() noexcept override {
    {
      const std::scoped_lock lock{mutex_};
      finished_ = true;
    }
    stop();
    if (thread_.joinable()) thread_.join();
  }

 private:
  /// Outside the mutex a stop is requested, since that may call the resolver's callbacks.
  std::stop_source source() {
    const std::scoped_lock lock{mutex_};
    return thread_.get_stop_source();
  }

  Resolver resolver_;
  boost::asio::any_io_executor serial_;
  std::mutex mutex_;
  bool finished_ = false;
  std::jthread thread_;  // the last member: it is joined before the others go
};

}  // namespace cueball::detail
