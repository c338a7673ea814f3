// SPDX-License-Identifier: BSL-1.0
// error: cueball: a blocking resolver reports from another thread
#include <boost/asio/io_context.hpp>

#include <cueball/cueball.hpp>
#include <cueball/threading/single_threaded.hpp>

struct registry {
  void run(const cueball::resolver_sink&, const std::stop_token&);
};

void wrong(boost::asio::io_context& context) {
  cueball::pool<cueball::tcp_connection, cueball::threading::single_threaded> pool{context, registry{}};
}
