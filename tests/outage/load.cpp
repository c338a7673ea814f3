// SPDX-License-Identifier: BSL-1.0
/// \file
/// The load of scripts/outage: claimers that use Redis servers through a pool, until the standard input ends.
/// It tells of each claim and request, of each connection, and every ten milliseconds of the pool, one line
/// of JSON each.
///
///     load model=lock_free port=6379 port=6380 claimers=8 max_delay=200
#include <array>
#include <atomic>
#include <exception>
#include <future>
#include <iostream>
#include <thread>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <cueball/cueball.hpp>
#include <cueball/threading/lock_free.hpp>
#include <cueball/threading/single_threaded.hpp>

#include "journal.hpp"
#include "redis_connection.hpp"
#include "settings.hpp"

namespace asio = boost::asio;
using cueball::error_code;

namespace outage {

namespace {

constexpr auto as_values = asio::as_tuple(asio::use_awaitable);

static_assert(cueball::async_connection<redis_connection>);
static_assert(cueball::watched_connection<redis_connection>);

/// What a claimer asks, and what it has to be told: another answer belongs to somebody else's question. The
/// key is never used again, and soon forgotten.
struct question {
  question(std::uint32_t claimer, std::uint64_t serial) {
    const auto value = std::to_string(serial);
    const auto key = std::to_string(claimer) + "." + value;
    asked = "SET " + key + " " + value + " PX 10000\r\nGET " + key + "\r\n";
    expected = "+OK\r\n$" + std::to_string(value.size()) + "\r\n" + value + "\r\n";
  }

  std::string asked, expected;
};

asio::awaitable<const char*> exchange(redis_connection& with, const question& what) {
  auto [failed, written] = co_await asio::async_write(with.socket(), asio::buffer(what.asked), as_values);
  if (failed) co_return "reset";
  std::string answer(what.expected.size(), ' ');
  auto [broken, read] = co_await asio::async_read(with.socket(), asio::buffer(answer), as_values);
  if (broken) co_return "reset";
  co_return answer == what.expected ? "good" : "wrong";
}

/// "good", "late", "reset" or "wrong".
asio::awaitable<const char*> ask(redis_connection& with, const question& what, cueball::duration limit) {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer timer{co_await asio::this_coro::executor, limit};
  const auto ended = co_await (exchange(with, what) || timer.async_wait(as_values));
  co_return ended.index() == 0 ? std::get<0>(ended) : "late";
}

const char* name_of(const error_code& error) {
  if (error == cueball::errc::claim_timeout) return "timeout";
  if (error == cueball::errc::all_dead) return "all_dead";
  if (error == cueball::errc::stopped) return "stopped";
  return "other";
}

/// One claim, and what became of it.
struct entry {
  cueball::time_point begun = std::chrono::steady_clock::now(), claimed{};
  std::uint32_t port = 0;
  const char* claim = "good";
  const char* request = "none";

  line told() const {
    line out{"claim"};
    out.put("begun", ticks(begun))
        .put("claimed", ticks(claimed))
        .put("port", port)
        .put("claim", claim)
        .put("request", request);
    return out;
  }
};

template <class Threading>
class load {
 public:
  explicit load(const settings& told)
      : settings_(told),
        input_(context_, ::dup(0)),
        pool_(context_, resolver(told), told.options, reporter{journal_}) {}

  void run() {
    journal_.write(described(settings_));
    // Where threads may block, every other claimer is one.
    for (std::uint32_t i = 0; i < settings_.claimers; ++i) {
      if (Threading::blocks && i % 2 == 1) {
        threads_.emplace_back([this, i] { claim_on_this_thread(i); });
      } else {
        asio::co_spawn(asio::make_strand(context_), claim_again_and_again(i), asio::detached);
      }
    }
    asio::co_spawn(context_, sample(), asio::detached);
    asio::co_spawn(context_, wait_for_the_end(), asio::detached);
    if constexpr (Threading::blocks) threads_.emplace_back([this] { context_.run(); });
    context_.run();
    for (auto& each : threads_) each.join();
    journal_.flush();
  }

 private:
  using pool_type = cueball::pool<redis_connection, Threading, reporter>;
  using lease_type = cueball::lease<redis_connection>;

  static cueball::static_resolver resolver(const settings& told) {
    std::vector<cueball::backend> backends;
    for (const auto port : told.ports) backends.push_back({"127.0.0.1", port});
    return cueball::static_resolver{std::move(backends)};
  }

  void note_claim(entry& entry, const error_code& error, const lease_type& lease) {
    entry.claimed = std::chrono::steady_clock::now();
    if (error) {
      entry.claim = name_of(error);
    } else {
      entry.port = lease.backend().port;
    }
  }

  void end(const entry& entry, lease_type lease) {
    if (lease && std::string_view{entry.request} != "good") {
      if (settings_.on_failure == given_up::discarded) {
        lease.discard();
      } else {
        lease->close();
      }
    }
    if (lease) lease.release();
    journal_.write(entry.told());
  }

  asio::awaitable<void> claim_again_and_again(std::uint32_t number) {
    asio::steady_timer timer{co_await asio::this_coro::executor};
    for (std::uint64_t serial = 0; !ending_; ++serial) {
      entry now;
      auto [error, lease] = co_await pool_.async_claim(settings_.deadline, as_values);
      note_claim(now, error, lease);
      const question what{number, serial};
      if (lease) now.request = co_await ask(*lease, what, settings_.request_limit);
      end(now, std::move(lease));
      timer.expires_after(settings_.pause);
      co_await timer.async_wait(as_values);
    }
    claimer_ended();
  }

  void claim_on_this_thread(std::uint32_t number) {
    const auto strand = asio::make_strand(context_);
    for (std::uint64_t serial = 0; !ending_; ++serial) {
      entry now;
      error_code error;
      lease_type lease;
      if constexpr (Threading::blocks) lease = pool_.claim(settings_.deadline, error);
      note_claim(now, error, lease);
      const question what{number, serial};
      if (lease)
        now.request =
            asio::co_spawn(strand, ask(*lease, what, settings_.request_limit), asio::use_future).get();
      end(now, std::move(lease));
      std::this_thread::sleep_for(settings_.pause);
    }
    claimer_ended();
  }

  void claimer_ended() {
    if (++ended_ == settings_.claimers) asio::co_spawn(context_, stop(), asio::detached);
  }

  asio::awaitable<void> sample() {
    asio::steady_timer timer{context_};
    while (!stopped_) {
      journal_.write(described(pool_.stats()));
      journal_.flush();
      timer.expires_after(10ms);
      co_await timer.async_wait(as_values);
    }
  }

  asio::awaitable<void> wait_for_the_end() {
    std::array<char, 64> ignored{};
    error_code error;
    while (!error)
      std::tie(error, std::ignore) = co_await input_.async_read_some(asio::buffer(ignored), as_values);
    ending_ = true;
  }

  asio::awaitable<void> stop() {
    const auto [error, left] = co_await pool_.async_stop(5s, as_values);
    journal_.write(std::move(line{"stopped"}.put("left", left)));
    stopped_ = true;
  }

  settings settings_;
  journal journal_;
  std::atomic<bool> ending_ = false, stopped_ = false;
  std::atomic<std::uint32_t> ended_ = 0;
  asio::io_context context_{Threading::blocks ? 2 : 1};
  asio::posix::stream_descriptor input_;
  std::vector<std::thread> threads_;
  pool_type pool_;
};

void run(const settings& told) {
  namespace threading = cueball::threading;
  if (told.model == "single_threaded") return load<threading::single_threaded>{told}.run();
  if (told.model == "multi_threaded") return load<threading::multi_threaded>{told}.run();
  if (told.model == "lock_free") return load<threading::lock_free>{told}.run();
  throw std::invalid_argument{"no threading model: " + told.model};
}

}  // namespace

}  // namespace outage

int main(int count, char** arguments) try {
  outage::run(outage::read_settings({arguments + 1, arguments + count}));
} catch (const std::exception& failed) {
  std::cerr << "load: " << failed.what() << '\n';
  return 2;
}
