// SPDX-License-Identifier: BSL-1.0
/// \file
/// A law: what has to hold in every case, or a fact, which is one case.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

#include <rapidcheck.h>

#include <cueball/laws/rule_broken.hpp>

namespace cueball::laws {

/// A law does not hold. `what()` is made to be read: the law, the case, shrunk, what went wrong in it, and
/// how to run it again.
class law_broken : public std::logic_error {
 public:
  law_broken(std::string law, int cases, const std::string& report);

  /// The sentence.
  const std::string& law() const noexcept { return law_; }

  /// How many held before it broke; 0 for a fact.
  int cases() const noexcept { return cases_; }

 private:
  std::string law_;
  int cases_;
};

/// How many cases a law tries: what the environment says in `CUEBALL_CASES`, else 1000. RapidCheck's own
/// RC_PARAMS, with `max_success`, goes first.
int number_of_cases();

/// True if the environment names a case to be run again: then no other is.
bool is_replaying();

namespace detail {

void check(const std::string& sentence, const rc::detail::Property& property);
[[noreturn]] void break_fact(const std::string& sentence, const std::string& why);

}  // namespace detail

/// Tries `testable`, a property in RapidCheck's sense, in `number_of_cases()` cases.
/// \throws law_broken
template <class Testable>
void law(const std::string& sentence, Testable&& testable) {
  detail::check(sentence, rc::detail::toProperty(std::forward<Testable>(testable)));
}

/// Runs `body` once, which says through `demand` what has to hold. Statistics over fixed seeds are facts.
/// \throws law_broken
template <class Body>
void fact(const std::string& sentence, Body&& body) {
  try {
    std::forward<Body>(body)();
  } catch (const rule_broken& broken) {
    detail::break_fact(sentence, broken.what());
  }
}

}  // namespace cueball::laws
