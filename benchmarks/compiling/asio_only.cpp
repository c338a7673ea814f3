// SPDX-License-Identifier: BSL-1.0
/// \file
/// Includes the same parts of Asio as a program with one pool, and makes a timer and a socket of its own: the
/// least that a translation unit with a pool can cost.
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>

int main() {
  boost::asio::io_context context;
  boost::asio::steady_timer timer{context, std::chrono::seconds{1}};
  timer.async_wait([](boost::system::error_code) {});
  boost::asio::ip::tcp::socket socket{context};
  socket.async_connect({boost::asio::ip::address_v4::loopback(), 9001}, [](boost::system::error_code) {});
  boost::asio::post(boost::asio::make_strand(context.get_executor()), [] {});
  context.run();
}
