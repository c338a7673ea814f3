// SPDX-License-Identifier: BSL-1.0
/// \file
/// The shortest useful program: a pool over two servers, and a function that asks one of them.
#include <chrono>
#include <iostream>
#include <map>
#include <string>

#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <cueball/cueball.hpp>

#include "line_server.hpp"

namespace asio = boost::asio;
using namespace std::chrono_literals;

using echo_pool = cueball::pool<cueball::tcp_connection>;

/// Asks the server whose turn it is; true if it answered right.
bool ask(echo_pool& pool, const std::string& request, std::map<std::string, int>& answers) {
  auto connection = pool.claim();  // waits for one; throws if none is free within claim_timeout
  std::string answer(request.size(), ' ');
  try {
    asio::write(connection->socket(), asio::buffer(request));
    asio::read(connection->socket(), asio::buffer(answer));
  } catch (...) {
    connection.discard();  // the pool closes it and opens another one
    throw;
  }
  ++answers[connection.backend().key()];
  return answer == request;
}  // here the connection goes back

int main() {
  const examples::line_server first, second;  // they stand for the real ones

  echo_pool pool{cueball::static_resolver{{"127.0.0.1", first.port()}, {"127.0.0.1", second.port()}},
                 {.max_connections = 4, .claim_timeout = 1s}};
  pool.wait_ready(4, 5s);  // not needed: a claim waits by itself

  std::map<std::string, int> answers;
  bool right = true;
  for (int i = 0; i < 100; ++i) right = ask(pool, "hello\n", answers) && right;
  for (const auto& [server, count] : answers) std::cout << server << " answered " << count << " times\n";

  // Both had about half of the work.
  right = right && answers.size() == 2;
  for (const auto& [server, count] : answers) right = right && count >= 40;
  return right ? 0 : 1;
}
