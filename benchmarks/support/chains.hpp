// SPDX-License-Identifier: BSL-1.0
/// \file
/// Chains of asynchronous operations: each begins the next one when it is completed.
#pragma once

#include <atomic>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "program.hpp"

namespace bench {

/// Threads that run a context; as many chains as are wanted. `next` of a chain says whether it goes on.
class chains {
 public:
  class link {
   public:
    link(chains& all, worker& counter) noexcept : all_(&all), counter_(&counter) {}

    /// One operation is complete. False when it is over; then the last chain ends the threads.
    bool next() noexcept {
      counter_->did(1);
      if (counter_->goes_on()) return true;
      if (--all_->left_ == 0) all_->context_.stop();
      return false;
    }

   private:
    chains* all_;
    worker* counter_;
  };

  explicit chains(boost::asio::io_context& context) : context_(context) {}

  /// \param count of chains, not less than threads
  /// \param begin starts one chain, on a thread of the context
  template <class Begin>
  void run(benchmark::State& state, int threads, int count, Begin begin) {
    left_ = count;
    // Each chain counts for itself; those beyond the threads only begin.
    tell(state, measure(count, sample_length(), [&](worker& self, int chain) {
           boost::asio::post(context_, [begin, one = link{*this, self}] { begin(one); });
           if (chain < threads) context_.run();
         }));
  }

 private:
  boost::asio::io_context& context_;
  std::atomic<int> left_{0};
};

}  // namespace bench
