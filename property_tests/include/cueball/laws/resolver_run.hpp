// SPDX-License-Identifier: BSL-1.0
/// \file
/// A run of a resolver of either kind, in a thread of its own.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <cueball/laws/replay.hpp>
#include <cueball/laws/rule_broken.hpp>
#include <cueball/resolver.hpp>

namespace cueball::laws::detail {

/// How an asynchronous run ended.
struct run_end {
  std::atomic<int> completions = 0;
  bool on_its_executor = true;
  error_code error;
};

/// Begins a run on `context`. Its handler owns the resolver, as a pool's does.
template <class Resolver>
void begin_run(boost::asio::io_context& context, boost::asio::cancellation_signal& cancel,
               std::shared_ptr<Resolver> resolver, std::shared_ptr<replay::run> told,
               std::shared_ptr<run_end> end) {
  auto& runs = *resolver;
  const resolver_sink sink{told};
  runs.async_run(
      sink,
      boost::asio::bind_cancellation_slot(
          cancel.slot(), boost::asio::bind_executor(context, [&context, resolver = std::move(resolver),
                                                              told = std::move(told), end](error_code error) {
            ++end->completions;
            end->on_its_executor = end->on_its_executor && context.get_executor().running_in_this_thread();
            end->error = error;
            told->end();
          })));
  demand(end->completions == 0, "a run does not end inside the call that begins it");
}

inline void check_end(const run_end& how, bool was_cancelled) {
  demand(how.completions > 0, "a run that is cancelled ends in time");
  demand(how.completions == 1, "a run ends once");
  demand(how.on_its_executor, "a run ends on its handler's executor");
  if (was_cancelled)
    demand(how.error == boost::asio::error::operation_aborted,
           "a run that is cancelled says operation_aborted");
  else
    demand(static_cast<bool>(how.error), "a run that ends by itself says why");
}

/// Lets go of a thread that does not end, rather than wait for ever.
template <class Resolver>
class resolver_run {
 public:
  resolver_run(std::shared_ptr<Resolver> resolver, const std::shared_ptr<replay>& to)
      : shared_(std::make_shared<shared>()) {
    auto told = std::make_shared<replay::run>(to);
    if constexpr (async_resolver<Resolver>) {
      begin_run(shared_->context, shared_->cancel, std::move(resolver), std::move(told), shared_->end);
      thread_ = std::thread{[own = shared_] {
        own->context.run();
        own->finish();
      }};
    } else {
      thread_ =
          std::thread{[own = shared_, resolver = std::move(resolver), told = std::move(told)]() mutable {
            try {
              resolver->run(resolver_sink{told}, own->stop.get_token());
            } catch (const std::exception&) {  // a way to give up
            }
            told->end();
            resolver.reset();
            own->finish();
          }};
    }
  }

  resolver_run(const resolver_run&) = delete;
  resolver_run& operator=(const resolver_run&) = delete;

  ~resolver_run() {
    if (!thread_.joinable()) return;
    request_stop();
    end_thread(std::chrono::seconds{5});
  }

  /// \throws rule_broken unless it ends within `limit`, as it should, and leaves nothing under way
  void stop(std::chrono::milliseconds limit) {
    const bool was_over = shared_->is_over();
    request_stop();
    const bool is_over = end_thread(limit);
    if constexpr (async_resolver<Resolver>) {
      if (!is_over && shared_->end->completions > 0)
        throw rule_broken{"a run that is over leaves no work on its executor"};
      demand(is_over, "a run that is cancelled ends in time");
      check_end(*shared_->end, !was_over);
    } else {
      demand(is_over, "a run that is stopped returns in time");
    }
  }

 private:
  struct shared {
    boost::asio::io_context context;
    boost::asio::cancellation_signal cancel;
    std::shared_ptr<run_end> end = std::make_shared<run_end>();
    std::stop_source stop;
    std::mutex mutex;
    std::condition_variable news;
    bool over = false;

    void finish() {
      const std::scoped_lock lock{mutex};
      over = true;
      news.notify_all();
    }

    bool is_over() {
      const std::scoped_lock lock{mutex};
      return over;
    }
  };

  void request_stop() {
    shared_->stop.request_stop();
    boost::asio::post(shared_->context,
                      [&cancel = shared_->cancel] { cancel.emit(boost::asio::cancellation_type::all); });
  }

  /// \return whether it ended by itself
  bool end_thread(std::chrono::milliseconds limit) {
    std::unique_lock lock{shared_->mutex};
    const auto is_over = [&] { return shared_->over; };
    const bool did = shared_->news.wait_for(lock, limit, is_over);
    shared_->context.stop();
    const bool can_be_joined = shared_->news.wait_for(lock, std::chrono::seconds{3}, is_over);
    lock.unlock();
    if (can_be_joined)
      thread_.join();
    else
      thread_.detach();
    return did;
  }

  std::shared_ptr<shared> shared_;
  std::thread thread_;
};

}  // namespace cueball::laws::detail
