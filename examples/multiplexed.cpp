// SPDX-License-Identifier: BSL-1.0
/// \file
/// A protocol that carries many requests over one connection: a set of connections, one to each server, over
/// which the program spreads its requests itself. Here they are lines, of which several are sent before the
/// first answer is read.
#include <chrono>
#include <iostream>
#include <map>
#include <string>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <cueball/connection_set.hpp>
#include <cueball/manual_resolver.hpp>
#include <cueball/tcp_connection.hpp>

#include "line_server.hpp"

namespace asio = boost::asio;
using namespace std::chrono_literals;

using connection_set = cueball::connection_set<cueball::tcp_connection>;

/// A connection, and what was asked over it and is not answered yet.
struct pipeline {
  cueball::set_member<cueball::tcp_connection> member;
  std::string outstanding{};

  void ask(const std::string& line) {
    asio::write(member->socket(), asio::buffer(line));
    outstanding += line;
  }

  /// True if the answers are right.
  bool drain() {
    std::string answers(outstanding.size(), ' ');
    asio::read(member->socket(), asio::buffer(answers));
    return std::exchange(outstanding, {}) == answers;
  }
};

class client {
 public:
  explicit client(connection_set& servers) : servers_(servers) {}

  /// Each change as it comes: what was removed answers what it was asked, and then it is let go.
  bool follow(const cueball::set_change<cueball::tcp_connection>& change) {
    const auto key = change.where->key();
    std::cout << key << (change.is_added() ? " is added\n" : " is removed: ");
    if (change.is_added()) {
      pipelines_.emplace(key, pipeline{change.member});
      return true;
    }
    std::cout << to_string(change.reason) << '\n';
    const bool right = pipelines_.at(key).drain();
    pipelines_.erase(key);  // the last handle: it is closed
    return right;
  }

  bool follow_until(std::size_t members) {
    bool right = true;
    while (pipelines_.size() != members) right = follow(servers_.next(5s)) && right;
    return right;
  }

  /// One request to each.
  void ask_all(const std::string& line) {
    for (auto& [key, each] : pipelines_) each.ask(line);
  }

  bool drain_all() {
    bool right = true;
    for (auto& [key, each] : pipelines_) right = each.drain() && right;
    return right;
  }

 private:
  connection_set& servers_;
  std::map<std::string, pipeline> pipelines_;
};

int main() {
  const examples::line_server first, second, third;
  cueball::manual_resolver resolver;
  connection_set servers{resolver, {.target = 3, .rebalance_delay = 10ms}};
  client requests{servers};

  resolver.add({"127.0.0.1", first.port()});
  resolver.add({"127.0.0.1", second.port()});
  bool right = requests.follow_until(2);
  requests.ask_all("one\n");
  requests.ask_all("two\n");

  resolver.remove(cueball::backend{"127.0.0.1", first.port()});
  right = requests.follow_until(1) && right;  // it answers before it goes
  resolver.add({"127.0.0.1", third.port()});
  right = requests.follow_until(2) && right;
  requests.ask_all("three\n");
  right = requests.drain_all() && right;

  servers.request_stop();
  right = requests.follow_until(0) && right;
  return right && servers.stop(5s) == 0 ? 0 : 1;
}
