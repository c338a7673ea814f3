// SPDX-License-Identifier: BSL-1.0
/// \file
/// An execution context whose ready handlers run when, and in the order that, the world says; and the timers
/// on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>

#include "operation.hpp"
#include "virtual_time.hpp"

namespace cueball::laws::shell {

/// One thread runs it, by `run`. In order it is like an `io_context` of one thread; otherwise like a pool of
/// threads, each handler of which runs as if at once.
class scheduler final : public boost::asio::execution_context {
 public:
  class executor_type;

  /// \param in_order handlers run in the order in which they became ready
  /// \param dispatches what is dispatched runs at once, as where everybody who calls is one of the context's
  ///   threads; otherwise never
  scheduler(bool in_order, bool dispatches) : in_order_(in_order), dispatches_(dispatches) {}

  /// What is ready or waits for a timer is destroyed, and what is posted by that too.
  ~scheduler();

  executor_type get_executor() noexcept;

  std::size_t ready() const noexcept { return ready_.size(); }

  /// Runs a handler that is ready: any one, or the next where there is an order. What it throws comes out.
  void run(std::size_t which);

  /// Timers that are due become ready.
  void fire_timers();

  /// When the next timer is due.
  time_point next_timer() const noexcept;

  /// What keeps an `io_context` from coming to its end.
  std::size_t work() const noexcept { return work_; }

  /// Called when a handler is handed to an executor that has a tag, and right before it runs.
  std::function<void(std::uint32_t)> on_ready;
  std::function<void(std::uint32_t)> before_run;

  /// Registers itself; used by `basic_waitable_timer`.
  struct timer {
    explicit timer(scheduler& of) : context(of) { context.timers_.push_back(this); }
    ~timer() {
      cancel();
      std::erase(context.timers_, this);
    }

    timer(const timer&) = delete;
    timer& operator=(const timer&) = delete;

    std::size_t cancel() {
      const auto waits = std::exchange(waiting, {});
      for (const auto& wait : waits) wait->complete(boost::asio::error::operation_aborted, {});
      return waits.size();
    }

    scheduler& context;
    time_point expiry{};
    std::vector<std::unique_ptr<operation>> waiting;
  };

 private:
  struct task {
    virtual ~task() = default;
    virtual void run() = 0;
  };

  template <class Function>
  struct task_of final : task {
    explicit task_of(Function of) : function(std::move(of)) {}
    void run() override {
      auto mine = std::move(function);
      std::move(mine)();
    }
    Function function;
  };

  struct entry {
    std::unique_ptr<task> what;
    std::uint32_t tag;
  };

  template <class Function>
  void execute(Function&& function, bool may_run_now, std::uint32_t tag) {
    using type = std::remove_cvref_t<Function>;
    if (closed_) return;
    if (tag != 0) on_ready(tag);
    ready_.push_back({std::make_unique<task_of<type>>(std::forward<Function>(function)), tag});
    if (may_run_now && dispatches_) run_at(ready_.size() - 1);
  }

  void run_at(std::size_t which);

  bool in_order_;
  bool dispatches_;
  bool closed_ = false;
  std::size_t work_ = 0;
  std::deque<entry> ready_;
  std::vector<timer*> timers_;
};

/// Models what Asio asks of an executor, and is convertible to `any_io_executor`.
class scheduler::executor_type {
 public:
  executor_type(scheduler& context, std::uint32_t tag) noexcept : context_(&context), tag_(tag) {}
  executor_type(const executor_type& other) noexcept
      : executor_type(*other.context_, other.tag_, other.never_, other.tracked_) {}
  executor_type& operator=(const executor_type& other) noexcept {
    if (other.tracked_) ++other.context_->work_;
    if (tracked_) --context_->work_;
    context_ = other.context_;
    tag_ = other.tag_;
    never_ = other.never_;
    tracked_ = other.tracked_;
    return *this;
  }
  ~executor_type() {
    if (tracked_) --context_->work_;
  }

  friend bool operator==(const executor_type& a, const executor_type& b) noexcept {
    return a.context_ == b.context_ && a.tag_ == b.tag_ && a.never_ == b.never_ && a.tracked_ == b.tracked_;
  }

  scheduler& query(boost::asio::execution::context_t) const noexcept { return *context_; }

  executor_type require(boost::asio::execution::blocking_t::never_t) const {
    return {*context_, tag_, true, tracked_};
  }
  executor_type require(boost::asio::execution::blocking_t::possibly_t) const {
    return {*context_, tag_, false, tracked_};
  }
  boost::asio::execution::blocking_t query(boost::asio::execution::blocking_t) const noexcept {
    if (never_) return boost::asio::execution::blocking.never;
    return boost::asio::execution::blocking.possibly;
  }

  executor_type require(boost::asio::execution::outstanding_work_t::tracked_t) const {
    return {*context_, tag_, never_, true};
  }
  executor_type require(boost::asio::execution::outstanding_work_t::untracked_t) const {
    return {*context_, tag_, never_, false};
  }
  boost::asio::execution::outstanding_work_t query(
      boost::asio::execution::outstanding_work_t) const noexcept {
    if (tracked_) return boost::asio::execution::outstanding_work.tracked;
    return boost::asio::execution::outstanding_work.untracked;
  }

  template <class Function>
  void execute(Function&& function) const {
    context_->execute(std::forward<Function>(function), !never_, tag_);
  }

 private:
  executor_type(scheduler& context, std::uint32_t tag, bool never, bool tracked) noexcept
      : context_(&context), tag_(tag), never_(never), tracked_(tracked) {
    if (tracked_) ++context_->work_;
  }

  scheduler* context_;
  std::uint32_t tag_;
  bool never_ = false;
  bool tracked_ = false;
};

inline scheduler::executor_type scheduler::get_executor() noexcept {
  return {*this, 0};
}

}  // namespace cueball::laws::shell

/// The engine's timer, where its clock is the virtual one: as Asio's own, but for who moves the time.
template <>
class boost::asio::basic_waitable_timer<cueball::laws::shell::virtual_clock> {
 public:
  using clock_type = cueball::laws::shell::virtual_clock;
  using time_point = clock_type::time_point;

  explicit basic_waitable_timer(const any_io_executor& executor)
      : timer_(
            static_cast<cueball::laws::shell::scheduler&>(boost::asio::query(executor, execution::context))) {
  }

  std::size_t expires_at(time_point when) {
    const auto cancelled = timer_.cancel();
    timer_.expiry = when;
    return cancelled;
  }

  std::size_t cancel() { return timer_.cancel(); }

  /// \tparam Handler is a completion handler with an associated executor.
  template <class Handler>
  void async_wait(Handler handler) {
    timer_.waiting.push_back(cueball::laws::shell::keep_operation(std::move(handler)));
  }

 private:
  cueball::laws::shell::scheduler::timer timer_;
};
