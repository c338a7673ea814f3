// SPDX-License-Identifier: BSL-1.0
/// \file
/// Links the resolvers that were installed.
#include <boost/asio/io_context.hpp>

#include <cueball/cueball.hpp>
#include <cueball/resolver_for.hpp>
#include <cueball/threading/single_threaded.hpp>

int main() {
  boost::asio::io_context context;
  cueball::pool<cueball::tcp_connection, cueball::threading::single_threaded> pool{
      context, cueball::resolver_for("10.0.0.1:80")};
  pool.request_stop();
  context.run();
}
