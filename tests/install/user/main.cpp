// SPDX-License-Identifier: BSL-1.0
// Somebody's program: a pool with a policy from the second include root, over a port that listens.
#include <chrono>
#include <iostream>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cueball/cueball.hpp>
#include <cueball/queue/lifo.hpp>

int main() {
  using boost::asio::ip::tcp;
  boost::asio::io_context context;
  const tcp::acceptor server{context, {boost::asio::ip::make_address("127.0.0.1"), 0}};

  cueball::pool<cueball::tcp_connection, cueball::queue::lifo> pool{
      cueball::static_resolver{{"127.0.0.1", server.local_endpoint().port()}}, {.max_connections = 1}};
  const auto connection = pool.claim(std::chrono::seconds{10});
  std::cout << "connected to " << connection.backend().key() << '\n';
}
