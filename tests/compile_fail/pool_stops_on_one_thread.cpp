// SPDX-License-Identifier: BSL-1.0
// error: cueball: this call would block, and this threading policy has no thread that may wait
#include <boost/asio/io_context.hpp>

#include <cueball/cueball.hpp>
#include <cueball/threading/single_threaded.hpp>

void wrong(boost::asio::io_context& context) {
  cueball::pool<cueball::tcp_connection, cueball::threading::single_threaded> pool{
      context, cueball::static_resolver{{"127.0.0.1", 1}}};
  pool.stop();
}
