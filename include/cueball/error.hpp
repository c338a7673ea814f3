// SPDX-License-Identifier: BSL-1.0
/// \file
/// What can go wrong: the `errc` values and their `cueball` error category.
///
/// The category is a Boost.System one because Asio's completion tokens know that error_code alone as an error
/// (an awaiting coroutine throws it). It converts to `std::error_code` by itself; the blocking forms throw it
/// as `std::system_error`.
#pragma once

#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

#include <boost/system/error_category.hpp>
#include <boost/system/error_code.hpp>

namespace cueball {

using error_code = boost::system::error_code;

/// Why an operation of the pool failed.
enum class errc {
  claim_timeout = 1,  ///< No connection came free before the deadline of the claim.
  none_idle,          ///< `try_claim`: no connection is idle now, or others wait for one already.
  stopped,            ///< The pool was stopped.
  all_dead,           ///< Every known backend is dead, and no connection is left.
  no_backend,         ///< No backend is known, and the option `error_on_empty` says not to wait for one.
  too_many_waiters,   ///< As many claims wait as the option `max_waiters` allows.
  overloaded,         ///< Claims wait for longer than the option `target_claim_delay`, and this one was shed.
  would_deadlock,     ///< A blocking call on the pool's own thread, which would wait for itself.
  wait_timeout,       ///< The pool was not ready before the deadline of `wait_ready`.
  connect_timeout,    ///< The connection did not connect in time.
  check_timeout,      ///< The connection did not answer a check, or was not reset, in time.
  connection_broken,  ///< The connection was found broken.
  make_failed,        ///< The function that makes connections threw something that is no `std::system_error`.
  connect_failed,     ///< Connecting threw something that is no `std::system_error`.
  bad_option,         ///< An option is out of its legal range.
  bad_backend,        ///< A backend has an empty or malformed address, or no port.
  bad_argument,       ///< An argument that no pool could serve.
  unknown_backend,    ///< A resolver removed or changed a backend that it had not reported.
  bad_plan,           ///< A rebalance strategy planned more or fewer connections than it was asked for.
  resolver_failed,    ///< A resolver threw something that is no `std::system_error`.
  forked,             ///< The pool belongs to the process that this one was forked from (`on_fork`).
};

namespace detail {

class category_type final : public boost::system::error_category {
 public:
  constexpr category_type() noexcept : error_category(0xC0EBA11D15C0B0A1ULL) {}

  const char* name() const noexcept override { return "cueball"; }

  std::string message(int value) const override { return text(value); }

  char const* message(int value, char*, std::size_t) const noexcept override { return text(value); }

 private:
  static const char* text(int value) noexcept {
    switch (static_cast<errc>(value)) {
      case errc::claim_timeout:
        return "no connection came free before the deadline of the claim";
      case errc::none_idle:
        return "no connection is idle";
      case errc::stopped:
        return "the pool was stopped";
      case errc::all_dead:
        return "every known backend is dead";
      case errc::no_backend:
        return "no backend is known";
      case errc::too_many_waiters:
        return "as many claims wait as may";
      case errc::overloaded:
        return "claims wait for too long, and this one was shed";
      case errc::would_deadlock:
        return "a blocking call on the pool's own thread would wait for itself";
      case errc::wait_timeout:
        return "the pool was not ready before the deadline";
      case errc::connect_timeout:
        return "the connection did not connect in time";
      case errc::check_timeout:
        return "the connection did not answer its check in time";
      case errc::connection_broken:
        return "the connection is broken";
      case errc::make_failed:
        return "the function that makes connections failed";
      case errc::connect_failed:
        return "connecting failed";
      case errc::bad_option:
        return "an option is out of its range";
      case errc::bad_backend:
        return "a backend is malformed";
      case errc::bad_argument:
        return "an argument is out of its range";
      case errc::unknown_backend:
        return "a backend is not known";
      case errc::bad_plan:
        return "the rebalance strategy made a plan of the wrong size";
      case errc::resolver_failed:
        return "the resolver failed";
      case errc::forked:
        return "the pool belongs to the parent process";
    }
    return "an unknown error of the pool";
  }
};

inline constexpr category_type category_object{};

}  // namespace detail

/// The category of every `errc`; its name is "cueball".
inline const boost::system::error_category& category() noexcept {
  return detail::category_object;
}

inline error_code make_error_code(errc value) noexcept {
  return {static_cast<int>(value), category()};
}

namespace detail {

/// What was thrown, where something was; else what the error means.
inline std::string words_of(const error_code& error, std::string_view text) {
  return text.empty() ? error.message() : std::string{text};
}

}  // namespace detail

/// Throws `std::system_error` with `code` and a text that names what was wrong.
[[noreturn]] inline void throw_error(errc code, const std::string& what) {
  throw std::system_error(make_error_code(code), what);
}

}  // namespace cueball

template <>
struct boost::system::is_error_code_enum<cueball::errc> : std::true_type {};

template <>
struct std::is_error_code_enum<cueball::errc> : std::true_type {};
