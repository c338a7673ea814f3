// SPDX-License-Identifier: BSL-1.0
/// \file
/// Where backends come from: what a resolver is, and the sink that it reports to.
#pragma once

#include <concepts>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include <cueball/backend.hpp>
#include <cueball/connection.hpp>
#include <cueball/error.hpp>

namespace cueball {

namespace detail {

/// The pool, as a sink sees it. Every call posts and returns.
class sink_target {
 public:
  virtual ~sink_target() = default;
  virtual void added(backend where) = 0;
  virtual void changed(backend where) = 0;
  virtual void removed(std::string key) = 0;
  virtual void failed(error_code error, std::string text) = 0;
  virtual void round_done() = 0;
};

}  // namespace detail

/// What a resolver reports to. A copyable handle; any thread may call it (with `threading::single_threaded`
/// the pool's executor only). It never blocks, and when the pool was stopped or is gone it does nothing.
///
/// Bad reports (a malformed backend, a key that is not known) change nothing and are told to the observer.
class resolver_sink {
 public:
  explicit resolver_sink(std::shared_ptr<detail::sink_target> target) : target_(std::move(target)) {}

  /// A backend is there. Harmless if it is known already; its weight, priority and attributes are taken anew.
  void added(backend where) const { target_->added(std::move(where)); }

  /// Weight, priority or attributes of a known backend are new.
  void changed(backend where) const { target_->changed(std::move(where)); }

  /// A backend is gone. \param key its `backend::key()`
  void removed(std::string key) const { target_->removed(std::move(key)); }
  void removed(const backend& where) const { target_->removed(where.key()); }

  /// The resolver could not find out. The pool keeps the backends that it has.
  void failed(error_code error, std::string text) const { target_->failed(error, std::move(text)); }

  /// All backends of this run were named: one that an earlier run named and this one did not is gone.
  void round_done() const { target_->round_done(); }

 private:
  std::shared_ptr<detail::sink_target> target_;
};

/// Reports in the background: `async_run(sink, token)` completes, with void(error_code), with an error when
/// it gave up, or with `operation_aborted` when it was cancelled. Each run begins with a full announcement.
template <class Resolver>
concept async_resolver = requires(Resolver& resolver, resolver_sink sink, archetype::handler handler) {
  resolver.async_run(sink, static_cast<archetype::handler&&>(handler));
};

/// Reports from a thread that the pool starts and joins: `run(sink, stop)` returns when it gave up (or
/// throws), or soon after a stop was requested.
template <class Resolver>
concept blocking_resolver =
    requires(Resolver& resolver, resolver_sink sink, std::stop_token stop) { resolver.run(sink, stop); };

template <class Resolver>
concept backend_resolver = async_resolver<Resolver> || blocking_resolver<Resolver>;

}  // namespace cueball
