// SPDX-License-Identifier: BSL-1.0
// error: cueball: a pool needs a resolver, which tells it the backends
#include <boost/asio/io_context.hpp>

#include <cueball/cueball.hpp>

void wrong(boost::asio::io_context& context) {
  cueball::pool<cueball::tcp_connection> pool{context};
}
