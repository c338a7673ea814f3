// SPDX-License-Identifier: BSL-1.0
// error: cueball: the options of a connection set are connection_set_options
#include <boost/asio/io_context.hpp>

#include <cueball/connection_set.hpp>
#include <cueball/pool_options.hpp>
#include <cueball/static_resolver.hpp>
#include <cueball/tcp_connection.hpp>

void wrong(boost::asio::io_context& context) {
  cueball::connection_set<cueball::tcp_connection> set{context, cueball::static_resolver{{"127.0.0.1", 1}},
                                                       cueball::pool_options{}};
}
