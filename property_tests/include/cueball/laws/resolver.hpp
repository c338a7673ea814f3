// SPDX-License-Identifier: BSL-1.0
/// \file
/// The laws of a resolver.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>

#include <cueball/laws/law.hpp>
#include <cueball/resolver.hpp>

namespace cueball::laws {

namespace detail {

/// Takes down what a run reports. Any thread.
class reports final : public cueball::detail::sink_target {
 public:
  void added(backend where) override {
    const std::scoped_lock lock{mutex_};
    note();
    try {
      check(where);
    } catch (const std::exception& bad) {
      complain(bad.what());
    }
    known_.insert_or_assign(where.key(), where);
  }

  void changed(backend where) override {
    const std::scoped_lock lock{mutex_};
    note();
    if (!known_.contains(where.key())) complain("'" + where.key() + "' was changed, but never added");
  }

  void removed(std::string key) override {
    const std::scoped_lock lock{mutex_};
    note();
    if (known_.erase(key) == 0) complain("'" + key + "' was removed, but never added");
  }

  void failed(error_code error, std::string) override {
    const std::scoped_lock lock{mutex_};
    note();
    if (!error) complain("a failure without an error");
  }

  void round_done() override {
    const std::scoped_lock lock{mutex_};
    note();
    ++rounds_;
  }

  void end() {
    const std::scoped_lock lock{mutex_};
    ended_ = true;
  }

  int rounds() const {
    const std::scoped_lock lock{mutex_};
    return rounds_;
  }

  std::set<std::string> keys() const {
    const std::scoped_lock lock{mutex_};
    std::set<std::string> all;
    for (const auto& [key, where] : known_) all.insert(key);
    return all;
  }

  void check_all() const {
    const std::scoped_lock lock{mutex_};
    if (!complaint_.empty()) throw rule_broken{complaint_};
  }

 private:
  void note() {
    if (ended_) complain("something was reported after the run was over");
  }

  void complain(const std::string& what) {
    if (complaint_.empty()) complaint_ = what;
  }

  mutable std::mutex mutex_;
  std::map<std::string, backend> known_;
  int rounds_ = 0;
  bool ended_ = false;
  std::string complaint_;
};

/// One run, until its first round is done, or until it fails, or `limit` has passed; then it is stopped.
template <class Resolver>
std::shared_ptr<reports> run_once(Resolver& resolver, std::chrono::milliseconds limit) {
  auto told = std::make_shared<reports>();
  const auto end = std::chrono::steady_clock::now() + limit;
  const auto is_time = [&] { return std::chrono::steady_clock::now() < end; };
  if constexpr (async_resolver<Resolver>) {
    boost::asio::io_context context;
    boost::asio::cancellation_signal cancel;
    int completions = 0;
    error_code how;
    resolver.async_run(resolver_sink{told},
                       boost::asio::bind_cancellation_slot(
                           cancel.slot(), boost::asio::bind_executor(context, [&](error_code error) {
                             ++completions;
                             how = error;
                             told->end();
                           })));
    demand(completions == 0, "a run does not end inside the call that begins it");
    while (told->rounds() == 0 && completions == 0 && is_time()) {
      context.restart();
      context.run_one_for(std::chrono::milliseconds{10});
    }
    const bool was_cancelled = completions == 0;
    cancel.emit(boost::asio::cancellation_type::all);
    for (const auto bound = std::chrono::steady_clock::now() + std::chrono::seconds{10};
         completions == 0 && std::chrono::steady_clock::now() < bound;) {
      context.restart();
      context.run_one_for(std::chrono::milliseconds{10});
    }
    context.restart();
    context.poll();
    demand_equal(static_cast<std::uint64_t>(completions), 1, "a run that is cancelled ends, once");
    if (was_cancelled)
      demand(how == boost::asio::error::operation_aborted, "a run that is cancelled says operation_aborted");
    else
      demand(static_cast<bool>(how), "a run that ends by itself says why");
  } else {
    std::atomic<bool> over = false;
    std::jthread thread{[&](std::stop_token stop) {
      try {
        resolver.run(resolver_sink{told}, stop);
      } catch (const std::exception&) {  // a way to give up
      }
      told->end();
      over = true;
    }};
    while (told->rounds() == 0 && !over && is_time())
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    thread.request_stop();
    const auto bound = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    while (!over && std::chrono::steady_clock::now() < bound)
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    demand(over, "a run that is stopped returns");
  }
  told->check_all();
  return told;
}

}  // namespace detail

/// The laws of a resolver whose backends do not change meanwhile.
/// \param make returns the resolver
/// \param limit how long its first announcement may take
/// \throws law_broken
template <class Make>
void check_resolver(const Make& make, std::chrono::milliseconds limit = std::chrono::seconds{10}) {
  fact("a run announces all backends and says when it is done; what it changes or removes it has announced",
       [&] {
         auto resolver = make();
         demand(detail::run_once(resolver, limit)->rounds() > 0, "the first round is done in time");
       });

  fact("each run begins with the full announcement", [&] {
    auto resolver = make();
    const auto first = detail::run_once(resolver, limit)->keys();
    const auto second = detail::run_once(resolver, limit);
    demand(second->rounds() > 0, "the first round is done in time");
    demand(first == second->keys(), "a run that is begun again names the same backends");
  });

  fact("a run that is stopped at once ends", [&] {
    auto resolver = make();
    detail::run_once(resolver, std::chrono::milliseconds{0});
  });
}

}  // namespace cueball::laws
