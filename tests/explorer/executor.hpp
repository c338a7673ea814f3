// SPDX-License-Identifier: BSL-1.0
/// \file
/// An execution context, and a timer, in the explorer's time.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/post.hpp>

#include <cueball/error.hpp>

#include "explorer/explored.hpp"

namespace explorer {

namespace asio = boost::asio;

/// Its threads are the scheduler's: one for each time that it was added.
class context : public asio::execution_context, public server {
 public:
  class executor_type {
   public:
    explicit executor_type(context& where) noexcept : where_(&where) {}

    context& query(asio::execution::context_t) const noexcept { return *where_; }
    static constexpr asio::execution::blocking_t query(asio::execution::blocking_t) noexcept {
      return asio::execution::blocking.never;
    }

    template <class Function>
    void execute(Function function) const {
      where_->tasks_.push_back(std::make_unique<task_of<Function>>(std::move(function)));
    }

    friend bool operator==(const executor_type&, const executor_type&) = default;

   private:
    context* where_;
  };

  explicit context(std::size_t threads = 1) {
    for (std::size_t i = 0; i < threads; ++i) scheduler::get().add(*this);
  }

  ~context() {
    scheduler::get().remove(*this);
    shutdown();
  }

  executor_type get_executor() noexcept { return executor_type{*this}; }

  bool has_work() const noexcept override { return !tasks_.empty(); }

  void work() override {
    const auto next = std::move(tasks_.front());
    tasks_.pop_front();
    next->run();
  }

 private:
  struct task {
    virtual ~task() = default;
    virtual void run() = 0;
  };

  template <class Function>
  struct task_of final : task {
    explicit task_of(Function what) : function(std::move(what)) {}
    void run() override { function(); }
    Function function;
  };

  std::deque<std::unique_ptr<task>> tasks_;
};

}  // namespace explorer

/// The pool's timer, as the explorer's clock drives it.
template <>
class boost::asio::basic_waitable_timer<explorer::clock> {
 public:
  explicit basic_waitable_timer(const any_io_executor& executor) : executor_(executor) {}
  basic_waitable_timer(const basic_waitable_timer&) = delete;
  ~basic_waitable_timer() { cancel(); }

  std::size_t expires_at(cueball::time_point when) {
    const auto cancelled = cancel();
    when_ = when;
    return cancelled;
  }

  std::size_t cancel() {
    if (!waiting_ || waiting_->fired) return 0;
    explorer::scheduler::get().remove(*waiting_);
    waiting_->complete(error::operation_aborted);
    return 1;
  }

  template <class Handler>
  void async_wait(Handler handler) {
    waiting_ = std::make_unique<wait_of<Handler>>(executor_, std::move(handler));
    waiting_->when = when_;
    explorer::scheduler::get().add(*waiting_);
  }

 private:
  struct wait : explorer::timed {
    virtual ~wait() = default;
    virtual void complete(boost::system::error_code error) = 0;

    void fire() override { complete({}); }

    bool fired = false;
  };

  template <class Handler>
  struct wait_of final : wait {
    wait_of(const any_io_executor& on, Handler what) : executor(on), handler(std::move(what)) {}

    void complete(boost::system::error_code error) override {
      this->fired = true;
      post(executor, append(std::move(handler), error));
    }

    any_io_executor executor;
    Handler handler;
  };

  any_io_executor executor_;
  cueball::time_point when_{};
  std::unique_ptr<wait> waiting_;
};
