// SPDX-License-Identifier: BSL-1.0
/// \file
/// What a resolver reports, taken down; and a run of it, with a thread.
#pragma once

#include <chrono>
#include <future>
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

/// Any thread.
class recorder final : public cueball::detail::sink_target {
 public:
  void added(cueball::backend where) override { learn('+', std::move(where)); }
  void changed(cueball::backend where) override { learn('~', std::move(where)); }
  void removed(std::string key) override {
    const std::scoped_lock lock{mutex_};
    events_.push_back("-" + key);
    known_.erase(key);
  }
  void failed(cueball::error_code, std::string text) override {
    const std::scoped_lock lock{mutex_};
    failures_.push_back(std::move(text));
  }
  void round_done() override {
    const std::scoped_lock lock{mutex_};
    events_.push_back("done");
    ++rounds_;
  }

  std::set<std::string> keys() const {
    const std::scoped_lock lock{mutex_};
    std::set<std::string> all;
    for (const auto& [key, where] : known_) all.insert(key);
    return all;
  }

  std::map<std::string, cueball::backend> known() const {
    const std::scoped_lock lock{mutex_};
    return known_;
  }

  /// In order: "+key", "~key" for a change, "-key", "done".
  std::vector<std::string> events() const {
    const std::scoped_lock lock{mutex_};
    return events_;
  }

  std::size_t rounds() const {
    const std::scoped_lock lock{mutex_};
    return rounds_;
  }

  /// Events of backends: all but "done".
  std::size_t changes() const {
    const std::scoped_lock lock{mutex_};
    return events_.size() - rounds_;
  }

  std::vector<std::string> failures() const {
    const std::scoped_lock lock{mutex_};
    return failures_;
  }

  /// Whether a failure was told whose text has all of these in it.
  template <class... Parts>
  bool heard(const Parts&... parts) const {
    for (const auto& text : failures())
      if (((text.find(parts) != text.npos) && ...)) return true;
    return false;
  }

 private:
  void learn(char how, cueball::backend where) {
    const std::scoped_lock lock{mutex_};
    events_.push_back(how + where.key());
    known_.insert_or_assign(where.key(), std::move(where));
  }

  mutable std::mutex mutex_;
  std::map<std::string, cueball::backend> known_;
  std::vector<std::string> events_, failures_;
  std::size_t rounds_ = 0;
};

/// One run, on a thread of its own until it is stopped.
/// \tparam Resolver a reference where the resolver is somebody else's
template <class Resolver>
class background_run {
 public:
  explicit background_run(Resolver&& resolver, std::shared_ptr<recorder> told = std::make_shared<recorder>())
      : resolver_(std::forward<Resolver>(resolver)), told_(std::move(told)) {
    resolver_.async_run(cueball::resolver_sink{told_},
                        boost::asio::bind_cancellation_slot(
                            cancel_.slot(), boost::asio::bind_executor(
                                                context_, [this](auto error) { ended_.set_value(error); })));
    thread_ = std::thread{[this] { context_.run(); }};
  }

  ~background_run() {
    if (thread_.joinable()) stop();
  }

  const recorder& told() const { return *told_; }

  /// The thread does nothing meanwhile: to the server, the process is frozen.
  void freeze(std::chrono::milliseconds length) {
    std::promise<void> over;
    boost::asio::post(context_, [&] {
      std::this_thread::sleep_for(length);
      over.set_value();
    });
    over.get_future().wait();
  }

  struct end {
    cueball::error_code error;
    std::chrono::steady_clock::duration after;
  };

  end stop() {
    const auto start = std::chrono::steady_clock::now();
    boost::asio::post(context_, [this] { cancel_.emit(boost::asio::cancellation_type::all); });
    const auto error = ended_.get_future().get();
    const auto length = std::chrono::steady_clock::now() - start;
    thread_.join();
    return {error, length};
  }

 private:
  Resolver resolver_;
  std::shared_ptr<recorder> told_;
  boost::asio::io_context context_;
  boost::asio::cancellation_signal cancel_;
  std::promise<cueball::error_code> ended_;
  std::thread thread_;
};

template <class Resolver, class... Told>
background_run(Resolver&&, Told...) -> background_run<Resolver>;

}  // namespace support
