// SPDX-License-Identifier: BSL-1.0
/// \file
/// The good case of claim and release on one thread, as functions of their own to be looked at.
#include <utility>

#include <boost/asio/any_io_executor.hpp>

#include <cueball/pool.hpp>
#include <cueball/queue/lifo.hpp>
#include <cueball/threading/single_threaded.hpp>

struct session {
  explicit session(const cueball::backend&) {}

  template <class Token>
  auto async_connect(Token&& token) {
    return boost::asio::async_initiate<Token, void(cueball::error_code)>([](auto) {}, token);
  }

  void close() noexcept {}
  bool is_open() const noexcept { return open; }

  bool open = true;
};

template <class Queue>
using pool_type = cueball::pool<session, Queue, cueball::threading::single_threaded>;

template <class Queue>
using engine_type = cueball::detail::engine<session, typename pool_type<Queue>::policies>;

extern "C" {

void hot_path_claim_fifo(pool_type<cueball::queue::fifo>& pool, cueball::lease<session>* where) {
  ::new (where) cueball::lease<session>{pool.try_claim()};
}

void hot_path_claim_lifo(pool_type<cueball::queue::lifo>& pool, cueball::lease<session>* where) {
  ::new (where) cueball::lease<session>{pool.try_claim()};
}

// What a lease calls, through one pointer, at its end.
void hot_path_release_fifo(engine_type<cueball::queue::fifo>& engine, cueball::detail::lease_record& record) {
  engine.engine_type<cueball::queue::fifo>::release(record);
}

void hot_path_release_lifo(engine_type<cueball::queue::lifo>& engine, cueball::detail::lease_record& record) {
  engine.engine_type<cueball::queue::lifo>::release(record);
}
}

// The other way round, so that a check that sees nothing is noticed.
extern "C" void hot_path_claim_locked(cueball::pool<session>& pool, cueball::lease<session>* where) {
  ::new (where) cueball::lease<session>{pool.try_claim()};
}
