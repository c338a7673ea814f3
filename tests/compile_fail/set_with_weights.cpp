// SPDX-License-Identifier: BSL-1.0
// error: cueball: the rebalance policy of a connection set is rebalance::subset
#include <boost/asio/io_context.hpp>

#include <cueball/connection_set.hpp>
#include <cueball/rebalance/weighted.hpp>
#include <cueball/static_resolver.hpp>
#include <cueball/tcp_connection.hpp>

void wrong(boost::asio::io_context& context) {
  cueball::connection_set<cueball::tcp_connection, cueball::rebalance::weighted> set{
      context, cueball::static_resolver{{"127.0.0.1", 1}}};
}
