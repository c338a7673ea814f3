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

namespace explorer {

namespace {

constexpr std::size_t stack_size = std::size_t{512} * 1024;

fiber* starting = nullptr;

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
  *reinterpret_cast<exceptions*>(abi::__cxa_get_globals()) = exceptions_;
  running_strands() = static_cast<strand_calls::context*>(strands_);
}

void fiber::switch_from(fiber& from, fiber& to) {
  from.exceptions_ = *reinterpret_cast<exceptions*>(abi::__cxa_get_globals());
  from.strands_ = static_cast<strand_calls::context*>(running_strands());
  starting = &to;
  // Not swapcontext, which asks the kernel for the signal mask each time.
  if (_setjmp(from.place_) == 0) {
    if (std::exchange(to.begun_, true)) _longjmp(to.place_, 1);
    setcontext(&to.context_);
  }
  from.arrived();
}

}  // namespace explorer
