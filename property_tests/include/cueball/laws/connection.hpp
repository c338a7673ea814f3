// SPDX-License-Identifier: BSL-1.0
/// \file
/// The laws of a connection type.
#pragma once

#include <chrono>
#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>

#include <cueball/connection.hpp>
#include <cueball/laws/law.hpp>

namespace cueball::laws {

namespace detail {

/// What became of an operation.
struct outcome {
  int completions = 0;
  bool inside_initiation = false;
  bool on_its_executor = true;
  error_code error;
};

/// A connection and the context that it lives on, one thread.
template <class Connection>
class connection_bench {
 public:
  template <class Make>
  connection_bench(const Make& make, const backend& where) {
    const boost::asio::any_io_executor executor = context_.get_executor();
    if constexpr (std::is_invocable_v<const Make&, const boost::asio::any_io_executor&, const backend&>)
      connection_ = std::unique_ptr<Connection>{new Connection(make(executor, where))};
    else
      connection_ = std::unique_ptr<Connection>{new Connection(make(where))};
  }

  ~connection_bench() {
    connection_.reset();
    context_.poll();
  }

  Connection& get() { return *connection_; }
  void destroy() { connection_.reset(); }

  template <class Start>
  std::shared_ptr<outcome> begin(const Start& start) {
    auto what = std::make_shared<outcome>();
    auto initiating = std::make_shared<bool>(true);
    start(boost::asio::bind_cancellation_slot(
        cancel_.slot(), boost::asio::bind_executor(strand_, [this, what, initiating](error_code error) {
          ++what->completions;
          what->inside_initiation = what->inside_initiation || *initiating;
          what->on_its_executor = what->on_its_executor && strand_.running_in_this_thread();
          what->error = error;
        })));
    *initiating = false;
    return what;
  }

  std::shared_ptr<outcome> connect() {
    return begin([this](auto handler) { connection_->async_connect(std::move(handler)); });
  }

  void cancel() { cancel_.emit(boost::asio::cancellation_type::all); }

  /// Runs until it has completed, for ten seconds at the most; then what is ready.
  void wait_for(const outcome& what, std::chrono::milliseconds most = std::chrono::seconds{10}) {
    const auto end = std::chrono::steady_clock::now() + most;
    while (what.completions == 0 && std::chrono::steady_clock::now() < end) {
      context_.restart();
      context_.run_one_for(std::chrono::milliseconds{10});
    }
    context_.restart();
    context_.poll();
  }

 private:
  boost::asio::io_context context_;
  boost::asio::strand<boost::asio::io_context::executor_type> strand_{context_.get_executor()};
  boost::asio::cancellation_signal cancel_;
  std::unique_ptr<Connection> connection_;
};

inline void check_completion(const outcome& what) {
  demand_equal(static_cast<std::uint64_t>(what.completions), 1, "it completes once");
  demand(!what.inside_initiation, "it does not complete inside the call that begins it");
  demand(what.on_its_executor, "it completes on the handler's executor");
}

/// Of a check or a reset.
/// \param begin starts it on the bench's connection
template <class Bench, class Make, class Begin>
void check_question(const char* what, const Make& make, const backend& good, const Begin& begin) {
  const std::string name{what};

  fact("a " + name + " of a connection that is up completes once, without an error", [&] {
    Bench one{make, good};
    one.wait_for(*one.connect());
    for (int i = 0; i < 2; ++i) {
      const auto answer = begin(one);
      one.wait_for(*answer);
      check_completion(*answer);
      if (answer->error) throw rule_broken{"it succeeds; it said: " + answer->error.message()};
    }
  });

  fact("a " + name + " that is cancelled, closed, or both completes, once", [&] {
    for (const bool cancels : {true, false})
      for (const bool closes : {true, false}) {
        Bench one{make, good};
        one.wait_for(*one.connect());
        const auto answer = begin(one);
        if (cancels) one.cancel();
        if (closes) one.get().close();
        one.wait_for(*answer);
        check_completion(*answer);
        one.get().close();
      }
  });
}

template <class Connection, class Make>
void check_async_connection(const Make& make, const backend& good, const std::optional<backend>& bad) {
  using bench = connection_bench<Connection>;

  fact("a connect to a backend that is up completes once, on the handler's executor", [&] {
    bench one{make, good};
    const auto what = one.connect();
    one.wait_for(*what);
    check_completion(*what);
    if (what->error) throw rule_broken{"it succeeds; it said: " + what->error.message()};
    if constexpr (self_aware_connection<Connection>) demand(one.get().is_open(), "then it is open");
  });

  fact("it can be closed at any time, and more than once", [&] {
    bench never_connected{make, good};
    never_connected.get().close();
    never_connected.get().close();
    bench one{make, good};
    const auto what = one.connect();
    one.wait_for(*what);
    one.get().close();
    if constexpr (self_aware_connection<Connection>) demand(!one.get().is_open(), "then it is not open");
    one.get().close();
  });

  fact("a connect that is closed meanwhile completes, once", [&] {
    bench one{make, good};
    const auto what = one.connect();
    one.get().close();
    one.wait_for(*what);
    check_completion(*what);
  });

  fact("a connect that is cancelled completes, once", [&] {
    bench one{make, good};
    const auto what = one.connect();
    one.cancel();
    one.wait_for(*what);
    check_completion(*what);
    one.get().close();
  });

  fact("a connect that is cancelled and closed completes, once", [&] {
    bench one{make, good};
    const auto what = one.connect();
    one.cancel();
    one.get().close();
    one.wait_for(*what);
    check_completion(*what);
  });

  if (bad)
    fact("a connect to a backend that is down fails", [&] {
      try {
        bench one{make, *bad};
        const auto what = one.connect();
        one.wait_for(*what);
        check_completion(*what);
        demand(static_cast<bool>(what->error), "it says so");
      } catch (const rule_broken&) {
        throw;
      } catch (const std::exception&) {  // a way to say so
      }
    });

  if constexpr (checked_connection<Connection>)
    check_question<bench>("check", make, good, [](bench& one) {
      return one.begin([&](auto handler) { one.get().async_check(std::move(handler)); });
    });

  if constexpr (resettable_connection<Connection>)
    check_question<bench>("reset", make, good, [](bench& one) {
      return one.begin([&](auto handler) { one.get().async_reset(std::move(handler)); });
    });

  if constexpr (watched_connection<Connection>) {
    const auto watch = [](bench& one) {
      return one.begin([&](auto handler) { one.get().async_wait_broken(std::move(handler)); });
    };

    fact("a quiet connection is not reported broken", [&] {
      bench one{make, good};
      one.wait_for(*one.connect());
      const auto what = watch(one);
      one.wait_for(*what, std::chrono::milliseconds{50});
      demand_equal(static_cast<std::uint64_t>(what->completions), 0,
                   "nothing happened, so nothing is reported");
    });

    fact("a watch that is pending ends when the connection is closed", [&] {
      bench one{make, good};
      one.wait_for(*one.connect());
      const auto what = watch(one);
      one.get().close();
      one.wait_for(*what);
      check_completion(*what);
    });

    fact("a connection may be destroyed while it is watched", [&] {
      bench one{make, good};
      one.wait_for(*one.connect());
      const auto what = watch(one);
      one.destroy();
      one.wait_for(*what, std::chrono::milliseconds{50});
      demand(what->completions <= 1 && !what->inside_initiation, "it completes once at the most");
    });
  }
}

template <class Connection, class Make>
void check_blocking_connection(const Make& make, const backend& good, const std::optional<backend>& bad) {
  using bench = connection_bench<Connection>;
  const auto soon = [] { return std::chrono::steady_clock::now() + std::chrono::seconds{10}; };

  fact("a connect to a backend that is up succeeds, and it can be closed more than once", [&] {
    bench one{make, good};
    try {
      one.get().connect(soon());
    } catch (const std::exception& thrown) {
      throw rule_broken{std::string{"it succeeds; it threw: "} + thrown.what()};
    }
    if constexpr (self_aware_connection<Connection>) demand(one.get().is_open(), "then it is open");
    one.get().close();
    if constexpr (self_aware_connection<Connection>) demand(!one.get().is_open(), "then it is not open");
    one.get().close();
  });

  if constexpr (checked_connection<Connection> || resettable_connection<Connection>)
    fact("what is up is well, and can be made as new", [&] {
      bench one{make, good};
      one.get().connect(soon());
      try {
        if constexpr (checked_connection<Connection>) one.get().check(soon());
        if constexpr (resettable_connection<Connection>) one.get().reset(soon());
        if constexpr (checked_connection<Connection>) one.get().check(soon());
      } catch (const std::exception& thrown) {
        throw rule_broken{std::string{"it does not throw; it threw: "} + thrown.what()};
      }
      one.get().close();
    });

  if (bad)
    fact("a connect to a backend that is down throws, no later than at its deadline", [&] {
      bench one{make, *bad};
      const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds{500};
      bool thrown = false;
      try {
        one.get().connect(deadline);
      } catch (const std::exception&) {
        thrown = true;
      }
      demand(thrown, "it throws");
      demand(std::chrono::steady_clock::now() < deadline + std::chrono::seconds{1}, "it keeps its deadline");
      one.get().close();
    });
}

}  // namespace detail

/// The laws of a connection type, against a server that is up.
/// \param make as for a pool: from `(const any_io_executor&, const backend&)`, or from `(const backend&)`
/// \param good a backend that accepts
/// \param bad one that refuses, or that does not answer; without one that law is left out
/// \throws law_broken
template <poolable_connection Connection, connection_maker<Connection> Make>
void check_connection(const Make& make, const backend& good, const std::optional<backend>& bad = {}) {
  if constexpr (async_connection<Connection>)
    detail::check_async_connection<Connection>(make, good, bad);
  else
    detail::check_blocking_connection<Connection>(make, good, bad);
}

/// The same, of a type that needs no make function.
template <poolable_connection Connection>
  requires makes_itself<Connection>
void check_connection(const backend& good, const std::optional<backend>& bad = {}) {
  if constexpr (std::constructible_from<Connection, const boost::asio::any_io_executor&, const backend&>)
    check_connection<Connection>([](const boost::asio::any_io_executor& executor,
                                    const backend& where) { return Connection(executor, where); },
                                 good, bad);
  else
    check_connection<Connection>([](const backend& where) { return Connection(where); }, good, bad);
}

}  // namespace cueball::laws
