// SPDX-License-Identifier: BSL-1.0
/// \file
/// fallback_resolver: the first of several resolvers that knows of a backend.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
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
#include <boost/asio/steady_timer.hpp>

#include <cueball/announcements.hpp>
#include <cueball/any_resolver.hpp>
#include <cueball/backend.hpp>
#include <cueball/core/backoff.hpp>
#include <cueball/detail/option_checks.hpp>
#include <cueball/detail/seed.hpp>
#include <cueball/detail/what.hpp>
#include <cueball/error.hpp>
#include <cueball/random.hpp>
#include <cueball/resolver.hpp>
#include <cueball/time.hpp>

namespace cueball {

/// An aggregate: how a resolver that gave up is run again.
struct fallback_options {
  /// After its run has ended: doubled with each run in a row that did not answer, up to `max_delay`, and
  /// spread. 1 ms to 365 days.
  duration delay = std::chrono::milliseconds{250};

  /// Not less than `delay`, to 365 days.
  duration max_delay = std::chrono::seconds{10};

  /// 0 to 1: delays are multiplied by a random factor from `1 - spread` to `1 + spread`.
  double spread = 0.2;

  /// Of the spread. None: a fresh one from the operating system.
  std::optional<std::uint64_t> seed{};
};

/// Throws `std::system_error` (`errc::bad_option`) with the name and value of the first bad field.
inline void check(const fallback_options& options) {
  detail::option_checks{"fallback_options"}.delays(options);
}

/// Tries resolvers in order. The backends are those of the first one that knows of any; each next one is
/// begun when the one before it has failed, ended, or found nothing, and what it knows is used until an
/// earlier one knows of a backend again. So the last is what is left when all others are down: a
/// `static_resolver`, for instance.
///
/// A resolver that fails later keeps what it knows, as it does in a pool: there is nothing to fall back from.
/// Those that were begun go on until the run ends: one that gives up is run again, after a while, and what it
/// knew is kept until it has answered anew. Failures are passed on. The run itself never gives up.
///
/// A handle: copies are the same resolver, of which one may run at a time.
class fallback_resolver {
 public:
  /// Throws `std::system_error` (`errc::bad_argument`) if there is none, or as `check(options)`.
  explicit fallback_resolver(std::vector<any_resolver> in_order, fallback_options options = {}) {
    if (in_order.empty()) throw_error(errc::bad_argument, "fallback_resolver: there is no resolver");
    check(options);
    memory_ = std::make_shared<memory>(
        memory{std::move(in_order),
               {.delay = options.delay, .max_delay = options.max_delay, .spread = options.spread},
               random_source{detail::seed_of(options.seed)}});
  }

  template <async_resolver... Resolvers>
    requires(sizeof...(Resolvers) > 1)
  explicit fallback_resolver(Resolvers... in_order)
      : fallback_resolver(std::vector<any_resolver>{wrap(std::move(in_order))...}) {}

  /// Completes with `operation_aborted` when it is cancelled.
  template <class Token>
  auto async_run(resolver_sink sink, Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code)>(
        [](auto handler, std::shared_ptr<memory> of, resolver_sink to) {
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
        token, memory_, std::move(sink));
  }

 private:
  template <class Resolver>
  static any_resolver wrap(Resolver resolver) {
    if constexpr (std::same_as<Resolver, any_resolver>)
      return resolver;
    else
      return any_resolver{std::move(resolver)};
  }

  /// What outlives a run.
  struct memory {
    std::vector<any_resolver> resolvers;
    operation_recovery recovery;
    random_source random;
  };

  class run;

  /// What one of them reports in one run of its own. Any thread may do so.
  class listener final : public detail::sink_target {
   public:
    listener(const std::shared_ptr<run>& of, std::size_t which, std::uint64_t turn)
        : run_(of), which_(which), turn_(turn) {}

    void added(backend where) override { note(&run::set, std::move(where)); }
    void changed(backend where) override { note(&run::set, std::move(where)); }
    void removed(std::string key) override { note(&run::erase, std::move(key)); }
    void failed(error_code error, std::string text) override { note(&run::failed, error, std::move(text)); }
    void round_done() override { note(&run::round_done); }

   private:
    template <class... Parameters, class... Values>
    void note(void (run::*what)(std::size_t, Parameters...), Values... values) {
      if (const auto still = run_.lock()) still->post(which_, turn_, what, std::move(values)...);
    }

    std::weak_ptr<run> run_;
    std::size_t which_;
    std::uint64_t turn_;
  };

  /// All but `post` on the executor.
  class run : public std::enable_shared_from_this<run> {
   public:
    using handler_type = boost::asio::any_completion_handler<void(error_code)>;

    run(std::shared_ptr<memory> of, resolver_sink to, boost::asio::any_io_executor on, handler_type handler)
        : memory_(std::move(of)),
          sink_(std::move(to)),
          executor_(std::move(on)),
          handler_(std::move(handler)) {}

    void begin_next() {
      if (sources_.size() == memory_->resolvers.size() || cancelled_) return;
      sources_.emplace_back(std::make_unique<source>(executor_));
      begin(sources_.size() - 1);
    }

    void cancel() {
      cancelled_ = true;
      for (std::size_t i = 0; i < sources_.size(); ++i) {  // one that ends may not end the run in here
        sources_[i]->pause.cancel();
        if (const auto signal = sources_[i]->signal) signal->emit(boost::asio::cancellation_type::all);
      }
    }

    template <class... Parameters, class... Values>
    void post(std::size_t which, std::uint64_t turn, void (run::*what)(std::size_t, Parameters...),
              Values... values) {
      boost::asio::post(executor_, [self = shared_from_this(), which, turn, what,
                                    ... values = std::move(values)]() mutable {
        if (!self->cancelled_ && self->sources_[which]->turn == turn)
          ((*self).*what)(which, std::move(values)...);
      });
    }

    void set(std::size_t which, backend where) {
      if (!problem_with(where).empty()) return sink_.added(std::move(where));  // to be told; it is no backend
      auto& its = *sources_[which];
      auto key = where.key();
      its.heard().insert_or_assign(std::move(key), std::move(where));
      if (its.has_named_all) tell();
    }

    void erase(std::size_t which, std::string key) {
      auto& its = *sources_[which];
      its.heard().erase(key);
      if (its.has_named_all) tell();
    }

    void failed(std::size_t which, error_code error, std::string text) {
      sink_.failed(error, std::move(text));
      pass_by(which);
    }

    void round_done(std::size_t which) {
      auto& its = *sources_[which];
      if (!std::exchange(its.has_named_all, true)) its.known = std::exchange(its.coming, {});
      its.has_answered = true;
      its.fruitless_runs = 0;
      tell();
    }

   private:
    struct source {
      explicit source(const boost::asio::any_io_executor& on) : pause(on) {}

      std::map<std::string, backend>& heard() noexcept { return has_named_all ? known : coming; }

      std::shared_ptr<boost::asio::cancellation_signal> signal;  ///< While it runs.
      boost::asio::steady_timer pause;                           ///< Between its runs.
      std::uint64_t turn = 0;                                    ///< Counts its runs.
      std::uint32_t fruitless_runs = 0;                          ///< In a row.
      std::map<std::string, backend> known;                      ///< Kept over its runs.
      std::map<std::string, backend> coming;  ///< What this run names, until it has named all.
      bool has_named_all = false;             ///< This run.
      bool has_answered = false;              ///< Any run.
      bool is_down = false;                   ///< It has failed, or ended, at least once.
    };

    void begin(std::size_t which) {
      auto& its = *sources_[which];
      its.signal = std::make_shared<boost::asio::cancellation_signal>();
      its.coming.clear();
      its.has_named_all = false;
      const auto turn = ++its.turn;
      auto thrown = detail::failure_of(errc::resolver_failed, [&] {
        memory_->resolvers[which].async_run(
            resolver_sink{std::make_shared<listener>(shared_from_this(), which, turn)},
            boost::asio::bind_cancellation_slot(
                its.signal->slot(), boost::asio::bind_executor(executor_, [self = shared_from_this(), which,
                                                                           turn](error_code error) {
                  self->ended(which, turn, error, {});
                })));
      });
      if (thrown.error)
        boost::asio::post(executor_,
                          [self = shared_from_this(), which, turn, thrown = std::move(thrown)]() mutable {
                            self->ended(which, turn, thrown.error, std::move(thrown.text));
                          });
    }

    void ended(std::size_t which, std::uint64_t turn, error_code error, std::string text) {
      auto& its = *sources_[which];
      if (turn != its.turn || !its.signal) return;  // it has thrown as well
      its.signal.reset();
      if (cancelled_) return over();
      ++its.fruitless_runs;
      its.pause.expires_after(core::backoff_delay(memory_->recovery, its.fruitless_runs, memory_->random));
      its.pause.async_wait([self = shared_from_this(), which](error_code) {
        if (self->cancelled_)
          self->over();
        else
          self->begin(which);
      });
      if (!error) error = errc::resolver_failed;
      if (text.empty()) text = error.message();
      sink_.failed(error, "a resolver gave up: " + text);
      pass_by(which);
    }

    /// One of them: when all are, the run is.
    void over() {
      if (++over_ == sources_.size()) std::move(handler_)(boost::asio::error::operation_aborted);
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
        if (!its.known.empty()) return say(its.known);
      }
      const auto& last = *sources_.back();
      if (sources_.size() == memory_->resolvers.size()) {
        if (last.has_answered) say({});
      } else if (last.has_answered || last.is_down) {
        begin_next();  // what it knows comes later
      }
    }

    void say(const std::map<std::string, backend>& all) {
      std::vector<backend> answer;
      answer.reserve(all.size());
      for (const auto& [key, where] : all) answer.push_back(where);
      announced_.take(sink_, std::move(answer));
    }

    std::shared_ptr<memory> memory_;
    resolver_sink sink_;
    boost::asio::any_io_executor executor_;
    handler_type handler_;
    std::vector<std::unique_ptr<source>> sources_;  ///< Those that were begun, in order.
    announcements announced_;
    std::size_t over_ = 0;  ///< So many of them neither run nor wait any more.
    bool cancelled_ = false;
  };

  std::shared_ptr<memory> memory_;
};

}  // namespace cueball
