// SPDX-License-Identifier: BSL-1.0
/// \file
/// A resolver's run in a thread of the test, and what it reports.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <cueball/resolver.hpp>

namespace support {

/// Takes down what is reported. Any thread.
class notes final : public cueball::detail::sink_target {
 public:
  void added(cueball::backend where) override {
    const std::scoped_lock lock{mutex_};
    ++events_;
    known_.insert_or_assign(where.key(), where);
  }
  void changed(cueball::backend where) override { added(std::move(where)); }
  void removed(std::string key) override {
    const std::scoped_lock lock{mutex_};
    ++events_;
    known_.erase(key);
  }
  void failed(cueball::error_code, std::string text) override {
    const std::scoped_lock lock{mutex_};
    failures_.push_back(std::move(text));
  }
  void round_done() override {
    const std::scoped_lock lock{mutex_};
    ++rounds_;
  }

  std::set<std::string> keys() const {
    const std::scoped_lock lock{mutex_};
    std::set<std::string> all;
    for (const auto& [key, where] : known_) all.insert(key);
    return all;
  }
  cueball::backend at(const std::string& key) const {
    const std::scoped_lock lock{mutex_};
    return known_.at(key);
  }
  int events() const {
    const std::scoped_lock lock{mutex_};
    return events_;
  }
  int rounds() const {
    const std::scoped_lock lock{mutex_};
    return rounds_;
  }
  std::vector<std::string> failures() const {
    const std::scoped_lock lock{mutex_};
    return failures_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, cueball::backend> known_;
  std::vector<std::string> failures_;
  int events_ = 0;
  int rounds_ = 0;
};

/// Runs from here on, until this object goes.
template <class Resolver>
class heard {
 public:
  explicit heard(Resolver resolver) : resolver_(std::move(resolver)) {
    resolver_.async_run(
        cueball::resolver_sink{notes_},
        boost::asio::bind_cancellation_slot(
            cancel_.slot(),
            boost::asio::bind_executor(context_, [this](cueball::error_code error) { end_ = error; })));
    thread_ = std::thread{[this] { context_.run(); }};
  }
  ~heard() { stop(); }
  heard(const heard&) = delete;
  heard& operator=(const heard&) = delete;

  /// \return with what the run completed
  cueball::error_code stop() {
    if (thread_.joinable()) {
      boost::asio::post(context_, [this] { cancel_.emit(boost::asio::cancellation_type::all); });
      thread_.join();
    }
    return end_;
  }

  const notes* operator->() const noexcept { return notes_.get(); }

 private:
  Resolver resolver_;
  std::shared_ptr<notes> notes_ = std::make_shared<notes>();
  boost::asio::io_context context_;
  boost::asio::cancellation_signal cancel_;
  cueball::error_code end_;
  std::thread thread_;
};

}  // namespace support
