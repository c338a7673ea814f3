// SPDX-License-Identifier: BSL-1.0
/// \file
/// Those who wait for the pool: a thread in a call, or a completion handler.
#pragma once

#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/execution/allocator.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/recycling_allocator.hpp>
#include <boost/asio/require.hpp>
#include <boost/asio/system_executor.hpp>

#include <cueball/claim_report.hpp>
#include <cueball/core/waiter.hpp>
#include <cueball/error.hpp>

namespace cueball::detail {

/// A waiter that is told when its wait is over.
class shell_waiter : public core::waiter {
 public:
  /// Called once, outside the mutex, by the thread that ended the wait. The waiter may be gone when it
  /// returns.
  virtual void deliver() noexcept = 0;

  /// Of a claim whose caller wants to know why.
  claim_report* report = nullptr;

 protected:
  ~shell_waiter() = default;
};

/// On the stack of the thread that waits, which does not return before `deliver` was called.
template <class Parker>
class blocking_waiter final : public shell_waiter {
 public:
  void deliver() noexcept override { parker.unpark(); }

  Parker parker;
};

/// Where a handler runs that has no executor of its own is where the pool's user says.
template <class Handler>
inline constexpr bool has_no_executor =
    std::is_same_v<boost::asio::associated_executor_t<Handler, boost::asio::any_io_executor>,
                   boost::asio::any_io_executor> &&
    std::is_same_v<boost::asio::associated_executor_t<Handler, boost::asio::system_executor>,
                   boost::asio::system_executor>;

template <class Handler>
using handler_executor = boost::asio::associated_executor_t<Handler, boost::asio::any_io_executor>;

template <class Handler>
using handler_allocator =
    boost::asio::associated_allocator_t<Handler, boost::asio::recycling_allocator<void>>;

/// Does the memory for a completion come from where the handler says, if it is posted with the handler in it?
/// An executor whose type is erased knows no allocator.
template <class Handler>
inline constexpr bool is_posted_in_its_memory =
    std::is_same_v<handler_allocator<Handler>, boost::asio::recycling_allocator<void>> ||
    std::is_same_v<handler_allocator<Handler>, std::allocator<void>> ||
    boost::asio::can_require_v<handler_executor<Handler>,
                               boost::asio::execution::allocator_t<handler_allocator<Handler>>>;

/// A slot that was taken for somebody; if he does not get it, it goes back. It keeps nothing alive, since a
/// slot that is claimed does that.
template <class Engine>
class taken_slot {
 public:
  using slot_type = typename Engine::slot_type;

  taken_slot(Engine& engine, slot_type& slot) noexcept : engine_(&engine), slot_(&slot) {}
  taken_slot(taken_slot&& other) noexcept
      : engine_(other.engine_), slot_(std::exchange(other.slot_, nullptr)) {}
  taken_slot& operator=(taken_slot&&) = delete;
  ~taken_slot() {
    if (slot_) [[maybe_unused]]
      const auto dropped = to_lease();
  }

  /// Once.
  auto to_lease() noexcept { return engine_->lease_of(*std::exchange(slot_, nullptr)); }

 private:
  Engine* engine_;
  slot_type* slot_;
};

/// The completion of a claim that did not have to wait, as it is posted. Wherever a move of the handler
/// throws, the slot goes back.
template <class Engine, class Handler>
class granted_claim {
 public:
  using allocator_type = handler_allocator<Handler>;

  template <class Source>
  granted_claim(taken_slot<Engine> slot, Source&& handler)
      : handler_(std::forward<Source>(handler)), slot_(std::move(slot)) {}

  allocator_type get_allocator() const noexcept {
    return boost::asio::get_associated_allocator(handler_, boost::asio::recycling_allocator<void>{});
  }

  void operator()() { std::move(handler_)(error_code{}, slot_.to_lease()); }

 private:
  Handler handler_;
  taken_slot<Engine> slot_;
};

/// Owns the completion handler of an asynchronous operation until it is called.
/// \tparam Engine has `answer(waiter&)`, which gives the handler's arguments and may be called once.
template <class Engine, class Handler, class Answer>
class async_waiter final : public shell_waiter {
 public:
  using executor_type = handler_executor<Handler>;
  using allocator_type = handler_allocator<Handler>;

  /// The waiter belongs to itself from here on, and to the completion that it posts at the end.
  static async_waiter& make(std::shared_ptr<Engine> engine, Handler handler, typename Engine::site where) {
    auto allocator = allocator_for(handler);
    const auto memory = traits::allocate(allocator, 1);
    try {
      return *::new (static_cast<void*>(memory)) async_waiter{std::move(engine), std::move(handler), where};
    } catch (...) {  // from the handler's move
      traits::deallocate(allocator, memory, 1);
      throw;
    }
  }

  /// Takes back a waiter that could not be registered. Its handler is destroyed uncalled.
  static void drop(async_waiter& waiter) noexcept { destroy(&waiter, allocator_for(waiter.handler_)); }

  /// Lets the handler's cancellation slot end the wait. Before the waiter is registered.
  void accept_cancellation() {
    if (auto slot = boost::asio::get_associated_cancellation_slot(handler_); slot.is_connected())
      slot.assign([this](boost::asio::cancellation_type type) {
        if (type != boost::asio::cancellation_type::none) engine_->cancel(*this);
      });
  }

  void deliver() noexcept override {
    Engine::note_claim(*this, where_);
    if (report) engine_->describe(*this, *report);
    auto executor = boost::asio::get_associated_executor(handler_, engine_->executor());
    boost::asio::post(executor, completion{this});
  }

 private:
  using rebound = typename std::allocator_traits<allocator_type>::template rebind_alloc<async_waiter>;
  using traits = std::allocator_traits<rebound>;
  using work = std::decay_t<decltype(boost::asio::prefer(std::declval<const executor_type&>(),
                                                         boost::asio::execution::outstanding_work.tracked))>;

  async_waiter(std::shared_ptr<Engine> engine, Handler handler, typename Engine::site where)
      : engine_(std::move(engine)),
        handler_(std::move(handler)),
        where_(where),
        work_(boost::asio::prefer(boost::asio::get_associated_executor(handler_, engine_->executor()),
                                  boost::asio::execution::outstanding_work.tracked)) {}

  static rebound allocator_for(const Handler& handler) {
    return rebound{boost::asio::get_associated_allocator(handler, boost::asio::recycling_allocator<void>{})};
  }

  static void destroy(async_waiter* waiter, rebound allocator) noexcept {
    waiter->~async_waiter();
    traits::deallocate(allocator, waiter, 1);
  }

  /// Calls the handler with the answer. If it is destroyed uncalled, a connection in the answer goes back.
  class completion {
   public:
    using allocator_type = typename async_waiter::allocator_type;

    explicit completion(async_waiter* waiter) noexcept : waiter_(waiter) {}
    completion(completion&& other) noexcept : waiter_(std::exchange(other.waiter_, nullptr)) {}
    completion& operator=(completion&&) = delete;
    ~completion() {
      if (waiter_) {
        [[maybe_unused]] const auto dropped = waiter_->take_answer();
        destroy(waiter_, allocator_for(waiter_->handler_));
      }
    }

    allocator_type get_allocator() const noexcept {
      return boost::asio::get_associated_allocator(waiter_->handler_,
                                                   boost::asio::recycling_allocator<void>{});
    }

    void operator()() {
      if (auto slot = boost::asio::get_associated_cancellation_slot(waiter_->handler_); slot.is_connected())
        slot.clear();
      const auto allocator = allocator_for(waiter_->handler_);
      auto handler = std::move(waiter_->handler_);  // may throw: the answer is not taken yet
      [[maybe_unused]] const auto work = std::move(waiter_->work_);
      auto answer = waiter_->take_answer();
      destroy(std::exchange(waiter_, nullptr), allocator);
      std::apply(std::move(handler), std::move(answer));
    }

   private:
    async_waiter* waiter_;
  };

  Answer take_answer() { return engine_->template answer<Answer>(*this); }

  std::shared_ptr<Engine> engine_;
  Handler handler_;
  [[no_unique_address]] typename Engine::site where_;
  work work_;
};

}  // namespace cueball::detail
