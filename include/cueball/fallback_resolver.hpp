// SPDX-License-Identifier: BSL-1.0
/// \file
/// fallback_resolver: the first of several resolvers that knows of a backend.
#pragma once

#include <concepts>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <cueball/announcements.hpp>
#include <cueball/any_resolver.hpp>
#include <cueball/backend.hpp>
#include <cueball/error.hpp>
#include <cueball/resolver.hpp>

namespace cueball {

/// Tries resolvers in order. The backends are those of the first one that knows of any; each next one is
/// begun when the one before it has failed, ended, or found nothing, and what it knows is used until an
/// earlier one knows of a backend again. So the last is what is left when all others are down: a
/// `static_resolver`, for instance.
///
/// A resolver that fails later keeps what it knows, as it does in a pool: there is nothing to fall back from.
/// Those that were begun run until the run ends; one that gives up is begun again with the next run. Failures
/// are passed on. The run gives up, with the last one's error, when all that were begun have.
///
/// A handle: copies are the same resolver, of which one may run at a time.
class fallback_resolver {
 public:
  /// Throws `std::system_error` (`errc::bad_argument`) if there is none.
  explicit fallback_resolver(std::vector<any_resolver> in_order)
      : resolvers_(std::make_shared<std::vector<any_resolver>>(std::move(in_order))) {
    if (resolvers_->empty()) throw_error(errc::bad_argument, "fallback_resolver: there is no resolver");
  }

  template <async_resolver... Resolvers>
    requires(sizeof...(Resolvers) > 1)
  explicit fallback_resolver(Resolvers... in_order)
      : fallback_resolver(std::vector<any_resolver>{wrap(std::move(in_order))...}) {}

  /// Completes with `operation_aborted` when it is cancelled.
  template <class Token>
  auto async_run(resolver_sink sink, Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code)>(
        [](auto handler, std::shared_ptr<std::vector<any_resolver>> of, resolver_sink to) {
          const boost::asio::any_io_executor executor = boost::asio::get_associated_executor(handler);
          auto slot = boost::asio::get_associated_cancellation_slot(handler);
          const auto begun =
              std::make_shared<run>(std::move(of), std::move(to), executor, std::move(handler));
          if (slot.is_connected())
            slot.assign([weak = std::weak_ptr<run>{begun}](boost::asio::cancellation_type type) {
              const auto still = weak.lock();
              if (still && type != boost::asio::cancellation_type::none) still->cancel();
            });
          begun->begin_next();
        },
        token, resolvers_, std::move(sink));
  }

 private:
  template <class Resolver>
  static any_resolver wrap(Resolver resolver) {
    if constexpr (std::same_as<Resolver, any_resolver>)
      return resolver;
    else
      return any_resolver{std::move(resolver)};
  }

  class run;

  /// What one of them reports. Any thread may do so.
  class listener final : public detail::sink_target {
   public:
    listener(const std::shared_ptr<run>& of, std::size_t which) : run_(of), which_(which) {}

    void added(backend where) override { note(&run::set, std::move(where)); }
    void changed(backend where) override { note(&run::set, std::move(where)); }
    void removed(std::string key) override { note(&run::erase, std::move(key)); }
    void failed(error_code error, std::string text) override { note(&run::failed, error, std::move(text)); }
    void round_done() override { note(&run::round_done); }

   private:
    template <class... Parameters, class... Values>
    void note(void (run::*what)(std::size_t, Parameters...), Values... values) {
      if (const auto still = run_.lock()) still->post(which_, what, std::move(values)...);
    }

    std::weak_ptr<run> run_;
    std::size_t which_;
  };

  /// All but `post` on the executor.
  class run : public std::enable_shared_from_this<run> {
   public:
    using handler_type = boost::asio::any_completion_handler<void(error_code)>;

    run(std::shared_ptr<std::vector<any_resolver>> of, resolver_sink to, boost::asio::any_io_executor on,
        handler_type handler)
        : resolvers_(std::move(of)),
          sink_(std::move(to)),
          executor_(std::move(on)),
          handler_(std::move(handler)) {}

    void begin_next() {
      const auto which = sources_.size();
      if (which == resolvers_->size() || cancelled_) return;
      auto& one = *sources_.emplace_back(std::make_unique<source>());
      ++running_;
      (*resolvers_)[which].async_run(
          resolver_sink{std::make_shared<listener>(shared_from_this(), which)},
          boost::asio::bind_cancellation_slot(
              one.signal.slot(),
              boost::asio::bind_executor(executor_, [self = shared_from_this(), which](error_code error) {
                self->ended(which, error);
              })));
    }

    void cancel() {
      cancelled_ = true;
      for (std::size_t i = 0; i < sources_.size(); ++i)  // one that ends may not end the run in here
        sources_[i]->signal.emit(boost::asio::cancellation_type::all);
    }

    template <class... Parameters, class... Values>
    void post(std::size_t which, void (run::*what)(std::size_t, Parameters...), Values... values) {
      boost::asio::post(executor_,
                        [self = shared_from_this(), which, what, ... values = std::move(values)]() mutable {
                          if (!self->cancelled_ && !self->over_) ((*self).*what)(which, std::move(values)...);
                        });
    }

    void set(std::size_t which, backend where) {
      if (!problem_with(where).empty()) return sink_.added(std::move(where));  // to be told; it is no backend
      auto& its = *sources_[which];
      auto key = where.key();
      its.known.insert_or_assign(std::move(key), std::move(where));
      if (its.is_complete) tell();
    }

    void erase(std::size_t which, std::string key) {
      auto& its = *sources_[which];
      its.known.erase(key);
      if (its.is_complete) tell();
    }

    void failed(std::size_t which, error_code error, std::string text) {
      sink_.failed(error, std::move(text));
      pass_by(which);
    }

    void round_done(std::size_t which) {
      sources_[which]->is_complete = true;
      tell();
    }

   private:
    struct source {
      boost::asio::cancellation_signal signal;
      std::map<std::string, backend> known;
      bool is_complete = false;  ///< Its first round is done.
      bool is_down = false;      ///< It has failed, or ended.
    };

    void ended(std::size_t which, error_code error) {
      --running_;
      if (!cancelled_) {
        if (error) sink_.failed(error, "a resolver gave up: " + error.message());
        pass_by(which);
      }
      if (running_ > 0 || over_) return;
      over_ = true;
      if (cancelled_) error = boost::asio::error::operation_aborted;
      std::move(handler_)(error ? error : make_error_code(errc::resolver_failed));
    }

    /// There is nothing to be had of it now.
    void pass_by(std::size_t which) {
      sources_[which]->is_down = true;
      tell();
    }

    /// Those of the first that knows of any. None, if the last one knows that there is none.
    void tell() {
      for (std::size_t i = 0; i < sources_.size(); ++i) {
        const auto& its = *sources_[i];
        if (!its.known.empty() && its.is_complete) return say(its.known);
      }
      const auto& last = *sources_.back();
      if (sources_.size() == resolvers_->size()) {
        if (last.is_complete) say({});
      } else if (last.is_complete || last.is_down) {
        begin_next();  // what it knows comes later
      }
    }

    void say(const std::map<std::string, backend>& all) {
      std::vector<backend> answer;
      answer.reserve(all.size());
      for (const auto& [key, where] : all) answer.push_back(where);
      announced_.take(sink_, std::move(answer));
    }

    std::shared_ptr<std::vector<any_resolver>> resolvers_;
    resolver_sink sink_;
    boost::asio::any_io_executor executor_;
    handler_type handler_;
    std::vector<std::unique_ptr<source>> sources_;  ///< Those that were begun, in order.
    announcements announced_;
    std::size_t running_ = 0;
    bool cancelled_ = false;
    bool over_ = false;
  };

  std::shared_ptr<std::vector<any_resolver>> resolvers_;
};

}  // namespace cueball
