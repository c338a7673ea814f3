// SPDX-License-Identifier: BSL-1.0
/// \file
/// Switching: saves and restores what belongs to a thread.
#undef _FORTIFY_SOURCE  // whose longjmp suspects other stacks
#include "explorer/fiber.hpp"

#include <cxxabi.h>
#include <cstddef>
#include <cstdlib>
#include <utility>

#include <boost/asio/detail/strand_executor_service.hpp>

#if defined(__SANITIZE_ADDRESS__)
#define CUEBALL_FIBERS_UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CUEBALL_FIBERS_UNDER_ASAN 1
#endif
#endif

#ifdef CUEBALL_FIBERS_UNDER_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace explorer {

namespace {

constexpr std::size_t stack_size = std::size_t{512} * 1024;

fiber* starting = nullptr;
fiber* left = nullptr;

using strand_calls =
    boost::asio::detail::call_stack<boost::asio::detail::strand_executor_service::strand_impl>;
using strand_top = boost::asio::detail::tss_ptr<strand_calls::context>;

// Asio keeps the head of this list to itself, and has no notion of fibers. An explicit instantiation may name
// what is private.
template <strand_top* Top>
struct opened {
  friend strand_top& running_strands() { return *Top; }
};
strand_top& running_strands();
template struct opened<&strand_calls::top_>;

}  // namespace

void fiber::begin(std::function<void()> body) {
  if (!stack_) stack_ = std::make_unique_for_overwrite<char[]>(stack_size);
#ifdef CUEBALL_FIBERS_UNDER_ASAN
  __asan_unpoison_memory_region(stack_.get(), stack_size);
  fake_stack_ = nullptr;
  bottom_ = stack_.get();
  size_ = stack_size;
#endif
  body_ = std::move(body);
  exceptions_ = {};
  strands_ = nullptr;
  begun_ = false;
  getcontext(&context_);
  context_.uc_stack.ss_sp = stack_.get();
  context_.uc_stack.ss_size = stack_size;
  context_.uc_link = nullptr;
  makecontext(&context_, &fiber::enter, 0);
}

void fiber::enter() {
  auto& self = *std::exchange(starting, nullptr);
  self.arrived();
  self.body_();
  std::abort();
}

void fiber::arrived() noexcept {
#ifdef CUEBALL_FIBERS_UNDER_ASAN
  __sanitizer_finish_switch_fiber(fake_stack_, left->stack_ ? nullptr : &left->bottom_,
                                  left->stack_ ? nullptr : &left->size_);
#endif
  *reinterpret_cast<exceptions*>(abi::__cxa_get_globals()) = exceptions_;
  running_strands() = static_cast<strand_calls::context*>(strands_);
}

void fiber::switch_from(fiber& from, fiber& to) {
  from.exceptions_ = *reinterpret_cast<exceptions*>(abi::__cxa_get_globals());
  from.strands_ = static_cast<strand_calls::context*>(running_strands());
  starting = &to;
  left = &from;
#ifdef CUEBALL_FIBERS_UNDER_ASAN
  __sanitizer_start_switch_fiber(&from.fake_stack_, to.bottom_, to.size_);
#endif
#ifdef CUEBALL_FIBERS_UNDER_ASAN
  swapcontext(&from.context_, &to.context_);
#else
  // Once both have begun: swapcontext asks the kernel for the signal mask each time.
  if (_setjmp(from.place_) == 0) {
    if (to.begun_) _longjmp(to.place_, 1);
    to.begun_ = true;
    setcontext(&to.context_);
  }
#endif
  from.arrived();
}

}  // namespace explorer
