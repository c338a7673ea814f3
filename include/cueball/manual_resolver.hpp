// SPDX-License-Identifier: BSL-1.0
/// \file
/// manual_resolver: the program itself says which backends there are.
#pragma once

#include <algorithm>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/consign.hpp>

#include <cueball/backend.hpp>
#include <cueball/resolver.hpp>
#include <cueball/static_resolver.hpp>

namespace cueball {

/// A handle: copies are the same resolver. Keep one, give a copy to the pool (or to several pools), and call
/// it when backends come and go. What was said before the pool ran is announced to it when it does. Any
/// thread may call it; with a `threading::single_threaded` pool, that pool's executor only.
class manual_resolver {
 public:
  manual_resolver() : shared_(std::make_shared<shared>()) {}

  /// Throws `std::system_error` (`errc::bad_backend`) if it is malformed. Adding one again takes its weight,
  /// priority and attributes anew; if these are the same, nothing is told.
  void add(const backend& where) {
    check(where);
    const std::scoped_lock lock{shared_->mutex};
    if (auto* const known = shared_->find(where.key())) {
      if (*known == where) return;
      *known = where;
      shared_->tell([&](const resolver_sink& sink) { sink.changed(where); });
    } else {
      shared_->backends.push_back(where);
      shared_->tell([&](const resolver_sink& sink) { sink.added(where); });
    }
  }

  /// Throws `std::system_error` (`errc::unknown_backend`) if it is not known.
  void remove(const std::string& key) {
    const std::scoped_lock lock{shared_->mutex};
    auto* const known = shared_->find(key);
    if (!known) throw_error(errc::unknown_backend, "manual_resolver: there is no backend '" + key + "'");
    shared_->backends.erase(shared_->backends.begin() + (known - shared_->backends.data()));
    shared_->tell([&](const resolver_sink& sink) { sink.removed(key); });
  }

  void remove(const backend& where) { remove(where.key()); }

  /// Tells the pools that the backends could not be found out; they keep those that they have.
  void fail(error_code error, const std::string& text) {
    const std::scoped_lock lock{shared_->mutex};
    shared_->tell([&](const resolver_sink& sink) { sink.failed(error, text); });
  }

  template <class Token>
  auto async_run(resolver_sink sink, Token&& token) {
    const std::scoped_lock lock{shared_->mutex};
    for (const auto& where : shared_->backends) sink.added(where);
    sink.round_done();
    // The run's handler owns the sink: when the run is over, nothing is told to it any more.
    auto registered = std::make_shared<resolver_sink>(std::move(sink));
    shared_->sinks.push_back(registered);
    return detail::async_wait_cancelled(
        boost::asio::consign(std::forward<Token>(token), std::move(registered)));
  }

 private:
  struct shared {
    std::mutex mutex;
    std::vector<backend> backends;
    std::vector<std::weak_ptr<resolver_sink>> sinks;

    template <class Message>
    void tell(Message message) {
      std::erase_if(sinks, [&](const std::weak_ptr<resolver_sink>& known) {
        const auto sink = known.lock();
        if (sink) message(*sink);
        return !sink;
      });
    }

    backend* find(const std::string& key) {
      const auto found = std::find_if(backends.begin(), backends.end(),
                                      [&](const backend& known) { return known.key() == key; });
      return found == backends.end() ? nullptr : &*found;
    }
  };

  std::shared_ptr<shared> shared_;
};

}  // namespace cueball
