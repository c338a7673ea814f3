// SPDX-License-Identifier: BSL-1.0
#include "load.hpp"

#include <array>
#include <chrono>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

namespace demo {

namespace {

using message = std::array<std::uint32_t, 4>;

/// True if the answer is the one to this request.
bool ask(cueball::tcp_connection::socket_type& socket, const message& request) {
  cueball::error_code error;
  message answer{};
  boost::asio::write(socket, boost::asio::buffer(request), error);
  if (!error) boost::asio::read(socket, boost::asio::buffer(answer), error);
  return !error && answer == request;
}

}  // namespace

void load::start(unsigned threads) {
  for (unsigned i = 0; i < threads; ++i) {
    auto& self = *counters_.emplace_back(std::make_unique<counter>());
    threads_.emplace_back([this, &self, i](const std::stop_token& stop) { work(self, stop, i); });
  }
}

void load::work(counter& self, const std::stop_token& stop, unsigned number) {
  for (std::uint32_t serial = 0; !stop.stop_requested(); ++serial) {
    const auto barred = barred_.load();
    const auto begin = histogram::time{std::chrono::steady_clock::now().time_since_epoch()};
    cueball::error_code error;
    auto connection = pool_.claim(error);
    const auto end = histogram::time{std::chrono::steady_clock::now().time_since_epoch()};

    std::string name;
    bool was_barred = false;
    bool was_answered = false;
    if (!error) {
      name = connection.backend().name;
      was_barred = connection.backend().port == barred;
      was_answered = ask(connection->socket(), {number, serial, ~number, ~serial});
      if (was_answered)
        connection.release();
      else
        connection.discard();  // not fit for further use: the pool opens another one
    }

    const std::scoped_lock lock{self.mutex};
    self.since.waits.add(end - begin);
    self.since.claims_failed += error ? 1 : 0;
    self.since.from_barred += was_barred ? 1 : 0;
    if (!error) {
      auto& requests = self.since.by_name[name];
      ++(was_answered ? requests.answered : requests.failed);
    }
  }
}

tally load::take() {
  tally all;
  for (const auto& one_thread : counters_) {
    tally one;
    {
      const std::scoped_lock lock{one_thread->mutex};
      std::swap(one, one_thread->since);
    }
    all += one;
  }
  return all;
}

void load::stop() {
  for (auto& thread : threads_) thread.request_stop();
  threads_.clear();
}

}  // namespace demo
