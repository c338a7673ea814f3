// SPDX-License-Identifier: BSL-1.0
/// \file
/// What a pool tells of itself: lines in a log, numbers for Prometheus and kang, and a lease that somebody
/// forgot.
#include <chrono>
#include <iostream>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <cueball/cueball.hpp>
#include <cueball/exporter/kang.hpp>
#include <cueball/exporter/prometheus.hpp>
#include <cueball/observer/logging.hpp>

#include "line_server.hpp"

using namespace std::chrono_literals;
using cueball::observer::severity;

using logged_pool = cueball::pool<cueball::tcp_connection, cueball::observer::logging>;

/// Stands for the logger of a program; remembers what it was told.
class log_file {
 public:
  void write(severity level, std::string_view line) {
    if (level == severity::debug) return;
    const std::scoped_lock lock{mutex_};
    std::cout << to_string(level) << ": " << line << '\n';
    lines_.emplace_back(line);
  }

  /// Waits until a line says so; false if none does within five seconds.
  bool says(std::string_view what) {
    for (int i = 0; i < 500; ++i, std::this_thread::sleep_for(10ms)) {
      const std::scoped_lock lock{mutex_};
      for (const auto& line : lines_)
        if (line.find(what) != line.npos) return true;
    }
    return false;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

/// What the program answers to `GET /metrics` and to `GET /kang/snapshot`.
std::string metrics(const logged_pool& users, const logged_pool& orders) {
  using cueball::exporter::look_at;
  return cueball::exporter::prometheus(std::vector{look_at("users", users), look_at("orders", orders)});
}

std::string kang_snapshot(const logged_pool& users) {
  return cueball::exporter::kang(std::vector{cueball::exporter::look_at("users", users)},
                                 {.name = "shop", .ident = "host-1", .version = "1.0"});
}

int main() {
  const examples::line_server server;
  const cueball::static_resolver servers{{"127.0.0.1", server.port()}};

  log_file lines;
  logged_pool users{
      servers,
      {.max_connections = 2, .lease_limit = 20ms},
      cueball::observer::logging{[&](severity level, std::string_view line) { lines.write(level, line); }}};
  logged_pool orders{servers, {.max_connections = 3}, cueball::observer::logging{[](auto...) {}}};
  users.wait_ready(2, 5s);
  orders.wait_ready(3, 5s);

  const auto forgotten = users.claim();  // this line stands in the log, 20 to 30 ms later
  const bool found = lines.says("observe.cpp:");

  const auto text = metrics(users, orders);
  std::cout << text << kang_snapshot(users) << '\n';
  return found && lines.says("the pool is running") &&
                 text.find("cueball_pool_connections{pool=\"users\",state=\"claimed\"} 1\n") != text.npos &&
                 text.find("cueball_pool_connections{pool=\"orders\",state=\"idle\"} 3\n") != text.npos
             ? 0
             : 1;
}
