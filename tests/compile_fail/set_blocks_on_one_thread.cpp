// SPDX-License-Identifier: BSL-1.0
// error: cueball: this call would block, and this threading policy has no thread that may wait
#include <boost/asio/io_context.hpp>

#include <cueball/connection_set.hpp>
#include <cueball/static_resolver.hpp>
#include <cueball/tcp_connection.hpp>
#include <cueball/threading/single_threaded.hpp>

void wrong(boost::asio::io_context& context) {
  cueball::connection_set<cueball::tcp_connection, cueball::threading::single_threaded> set{
      context, cueball::static_resolver{{"127.0.0.1", 1}}};
  set.next();
}
