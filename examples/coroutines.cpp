// SPDX-License-Identifier: BSL-1.0
/// \file
/// Coroutines: claiming without blocking a thread, giving up after a time or on a signal, and an orderly end.
#include <chrono>
#include <exception>
#include <future>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>

#include <cueball/cueball.hpp>

#include "line_server.hpp"

namespace asio = boost::asio;
using namespace std::chrono_literals;

using echo_pool = cueball::pool<cueball::tcp_connection>;

// With this token errors are values; with `use_awaitable` they are exceptions.
constexpr auto as_values = asio::as_tuple(asio::use_awaitable);

asio::awaitable<void> ask(echo_pool& pool, std::string request) {
  auto connection = co_await pool.async_claim(asio::use_awaitable);
  std::string answer(request.size(), ' ');
  try {
    co_await asio::async_write(connection->socket(), asio::buffer(request), asio::use_awaitable);
    co_await asio::async_read(connection->socket(), asio::buffer(answer), asio::use_awaitable);
  } catch (...) {
    connection.discard();
    throw;
  }
  if (answer != request) throw std::runtime_error{"a wrong answer: " + answer};
}

/// Many coroutines share two connections, and no thread waits for them.
asio::awaitable<int> ask_often(echo_pool& pool) {
  int asked = 0;
  for (; asked < 100; ++asked) co_await ask(pool, "request " + std::to_string(asked) + '\n');
  co_return asked;
}

/// Claims until nothing is left, so that a further claim has to give up.
asio::awaitable<bool> give_up(echo_pool& pool) {
  const auto first = co_await pool.async_claim(asio::use_awaitable);
  const auto second = co_await pool.async_claim(asio::use_awaitable);

  // By its own deadline, instead of the option `claim_timeout`.
  const auto [timed_out, none] = co_await pool.async_claim(20ms, as_values);
  std::cout << "after 20 ms: " << timed_out.message() << '\n';

  // By cancellation. The signal is emitted here before the claim could be served; it may come from anywhere
  // that runs on this coroutine's executor.
  asio::cancellation_signal signal;
  asio::post(co_await asio::this_coro::executor,
             [&signal] { signal.emit(asio::cancellation_type::terminal); });
  const auto [cancelled, nothing] =
      co_await pool.async_claim(asio::bind_cancellation_slot(signal.slot(), as_values));
  std::cout << "cancelled: " << cancelled.message() << '\n';

  co_return timed_out == cueball::errc::claim_timeout&& cancelled == asio::error::operation_aborted &&
      !none && !nothing;
}

/// What is claimed closes when it is released; the stop is over when the last one is closed.
asio::awaitable<bool> end(echo_pool& pool) {
  const auto [error, left] = co_await pool.async_stop(5s, as_values);
  const auto [refused, none] = co_await pool.async_claim(as_values);
  std::cout << "stopped, " << left << " connections left; then: " << refused.message() << '\n';
  co_return !error && left == 0 && refused == cueball::errc::stopped && !none;
}

int main() try {
  const examples::line_server first, second;
  asio::thread_pool threads{2};
  echo_pool pool{threads,
                 cueball::static_resolver{{"127.0.0.1", first.port()}, {"127.0.0.1", second.port()}},
                 {.max_connections = 2}};

  std::vector<std::future<int>> asking;
  for (int i = 0; i < 10; ++i) asking.push_back(asio::co_spawn(threads, ask_often(pool), asio::use_future));
  int asked = 0;
  for (auto& one : asking) asked += one.get();
  std::cout << asked << " requests\n";

  // A strand, since the signal is emitted where the coroutine runs.
  bool right = asked == 1000;
  right = asio::co_spawn(asio::make_strand(threads), give_up(pool), asio::use_future).get() && right;
  right = asio::co_spawn(threads, end(pool), asio::use_future).get() && right;
  return right ? 0 : 1;
} catch (const std::exception& thrown) {
  std::cerr << thrown.what() << '\n';
  return 1;
}
