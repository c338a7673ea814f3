// SPDX-License-Identifier: BSL-1.0
/// \file
/// A pool over many backends, which come and go; all of it on the thread that looks at it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/consign.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "filled.hpp"
#include "support/dummy_connection.hpp"

namespace bench {

/// Knows how many there are.
class counted_connection : public dummy_connection {
 public:
  static inline std::uint64_t made = 0;
  static inline std::uint64_t gone = 0;

  counted_connection(const boost::asio::any_io_executor& executor, const cueball::backend& where)
      : dummy_connection(executor, where) {
    ++made;
  }

  counted_connection(counted_connection&&) = delete;
  ~counted_connection() { ++gone; }
};

/// Hands its sink to whoever wants to announce backends.
class open_resolver {
 public:
  explicit open_resolver(std::shared_ptr<std::optional<cueball::resolver_sink>> sink)
      : sink_(std::move(sink)) {}

  template <class Token>
  auto async_run(cueball::resolver_sink sink, Token&& token) {
    sink_->emplace(std::move(sink));
    return boost::asio::async_initiate<Token, void(cueball::error_code)>(
        [](auto handler) {
          const auto executor = boost::asio::get_associated_executor(handler);
          auto timer = std::make_shared<boost::asio::steady_timer>(executor, cueball::time_point::max());
          timer->async_wait(boost::asio::consign(std::move(handler), timer));
        },
        token);
  }

 private:
  std::shared_ptr<std::optional<cueball::resolver_sink>> sink_;
};

/// The news of a change come at once, and the pool has so many connections as it is to have;
/// `rebalance_delay` is not counted.
template <class Pool>
class landscape {
 public:
  using clock = std::chrono::steady_clock;

  static constexpr int connections_each = 10;

  template <class... Values>
  explicit landscape(int size, Values... values)
      : backends_(backends(size)),
        total_(static_cast<std::uint64_t>(size) * connections_each),
        pool_(context_, open_resolver{sink_}, options(), values...) {}

  /// \return how long it took.
  double fill() {
    while (!*sink_) context_.run_one();
    return until_settled(total_, [&] { announce(backends_.size()); });
  }

  double lose(std::size_t count) {
    return until_settled(count * connections_each, [&] {
      for (std::size_t i = 0; i < count; ++i) (*sink_)->removed(backends_[i]);
    });
  }

  double add(std::size_t count) {
    return until_settled(count * connections_each, [&] { announce(count); });
  }

  /// Connections that were opened by the last change, against the least that it took.
  double churn() const { return churn_; }

  void run_for(std::chrono::milliseconds length) { context_.run_for(length); }

  std::uint64_t total() const { return total_; }

 private:
  cueball::pool_options options() const {
    auto made = options_for(static_cast<int>(total_));
    made.max_connecting = {.per_backend = 10, .per_pool = 1000};
    return made;
  }

  void announce(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) (*sink_)->added(backends_[i]);
  }

  /// At least so many have to be made, and all but the total to be gone.
  template <class Change>
  double until_settled(std::uint64_t least, Change change) {
    const auto made_before = counted_connection::made;
    const auto begin = clock::now();
    change();
    while (counted_connection::made < made_before + least ||
           counted_connection::made - counted_connection::gone > total_)
      context_.run_one();
    const std::chrono::duration<double> length = clock::now() - begin - pool_.options().rebalance_delay;
    run_for(std::chrono::milliseconds{5});
    churn_ = static_cast<double>(counted_connection::made - made_before) / static_cast<double>(least);
    return std::max(length.count(), 0.0);
  }

  boost::asio::io_context context_{1};
  std::shared_ptr<std::optional<cueball::resolver_sink>> sink_ =
      std::make_shared<std::optional<cueball::resolver_sink>>();
  std::vector<cueball::backend> backends_;
  std::uint64_t total_;
  double churn_ = 0;
  Pool pool_;
};

}  // namespace bench
