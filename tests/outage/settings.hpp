// SPDX-License-Identifier: BSL-1.0
/// \file
/// What the load is told: NAME=VALUE, one an argument.
#pragma once

#include <charconv>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <cueball/pool_options.hpp>

namespace outage {

using namespace std::chrono_literals;

/// How a lease ends whose request failed.
enum class given_up { discarded, closed_and_released };

/// Times are in milliseconds where they are told.
struct settings {
  std::string model = "multi_threaded";
  std::vector<std::uint16_t> ports;
  std::uint32_t claimers = 16;
  cueball::duration deadline = 300ms;       ///< Of a claim.
  cueball::duration request_limit = 100ms;  ///< Of a request.
  cueball::duration pause = 4ms;            ///< Of a claimer, after each request.
  given_up on_failure = given_up::discarded;
  cueball::pool_options options{
      .max_connections = 12,
      .rebalance_delay = 10ms,
      .watch_delay = 20ms,
      .recovery = {
          .usual = {.retries = 3, .timeout = 100ms, .max_timeout = 200ms, .delay = 20ms, .max_delay = 200ms},
          .stable_after = 200ms}};
};

/// A pool that checks its idle connections has options for that; one that does not is left alone.
template <class Options>
constexpr bool has_checks = requires(Options options) { options.check_interval; };

template <class Options>
void set_checks(Options& options, cueball::duration interval, cueball::duration timeout,
                cueball::duration idle_for) {
  if constexpr (has_checks<Options>) {
    options.check_interval = interval;
    options.check_timeout = timeout;
    options.check_after = idle_for;
  }
}

/// Zero where the pool has no checks.
template <class Options>
cueball::duration check_timeout_of(const Options& options) {
  if constexpr (has_checks<Options>) {
    return options.check_timeout;
  } else {
    return cueball::duration::zero();
  }
}

namespace detail {

inline std::uint32_t number_in(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    throw std::invalid_argument{"no number: " + std::string{text}};
  return value;
}

inline cueball::duration length_in(std::string_view text) {
  return text == "none" ? cueball::no_limit : std::chrono::milliseconds{number_in(text)};
}

}  // namespace detail

/// Throws `std::invalid_argument` for what it does not know.
inline settings read_settings(const std::vector<std::string>& arguments) {
  using detail::length_in;
  using detail::number_in;
  settings told;
  auto& usual = told.options.recovery.usual;
  cueball::duration check_interval = 50ms, check_timeout = 100ms, check_after = cueball::no_limit;
  const std::map<std::string_view, std::function<void(std::string_view)>> known{
      {"model", [&](auto text) { told.model = text; }},
      {"port", [&](auto text) { told.ports.push_back(static_cast<std::uint16_t>(number_in(text))); }},
      {"claimers", [&](auto text) { told.claimers = number_in(text); }},
      {"deadline", [&](auto text) { told.deadline = length_in(text); }},
      {"request_limit", [&](auto text) { told.request_limit = length_in(text); }},
      {"pause", [&](auto text) { told.pause = length_in(text); }},
      {"on_failure",
       [&](auto text) {
         told.on_failure = text == "close" ? given_up::closed_and_released : given_up::discarded;
       }},
      {"max_connections", [&](auto text) { told.options.max_connections = number_in(text); }},
      {"rebalance_delay", [&](auto text) { told.options.rebalance_delay = length_in(text); }},
      {"watch_delay", [&](auto text) { told.options.watch_delay = length_in(text); }},
      {"per_backend", [&](auto text) { told.options.max_connecting.per_backend = number_in(text); }},
      {"per_pool", [&](auto text) { told.options.max_connecting.per_pool = number_in(text); }},
      {"retries", [&](auto text) { usual.retries = number_in(text); }},
      {"timeout", [&](auto text) { usual.timeout = length_in(text); }},
      {"max_timeout", [&](auto text) { usual.max_timeout = length_in(text); }},
      {"delay", [&](auto text) { usual.delay = length_in(text); }},
      {"max_delay", [&](auto text) { usual.max_delay = length_in(text); }},
      {"stable_after", [&](auto text) { told.options.recovery.stable_after = length_in(text); }},
      {"check_interval", [&](auto text) { check_interval = length_in(text); }},
      {"check_timeout", [&](auto text) { check_timeout = length_in(text); }},
      {"check_after", [&](auto text) { check_after = length_in(text); }},
  };
  for (const std::string_view argument : arguments) {
    const auto equals = argument.find('=');
    const auto found = known.find(argument.substr(0, equals));
    if (equals == std::string_view::npos || found == known.end())
      throw std::invalid_argument{"not known: " + std::string{argument}};
    found->second(argument.substr(equals + 1));
  }
  if (told.ports.empty()) throw std::invalid_argument{"no port"};
  set_checks(told.options, check_interval, check_timeout, check_after);
  return told;
}

}  // namespace outage
