// SPDX-License-Identifier: BSL-1.0
// error: cueball: a connection set hands out no connections, so it takes no queue policy
#include <boost/asio/io_context.hpp>

#include <cueball/connection_set.hpp>
#include <cueball/queue/lifo.hpp>
#include <cueball/static_resolver.hpp>
#include <cueball/tcp_connection.hpp>

void wrong(boost::asio::io_context& context) {
  cueball::connection_set<cueball::tcp_connection, cueball::queue::lifo> set{
      context, cueball::static_resolver{{"127.0.0.1", 1}}};
}
