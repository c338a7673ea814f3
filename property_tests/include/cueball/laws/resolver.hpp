// SPDX-License-Identifier: BSL-1.0
/// \file
/// The laws of a resolver.
#pragma once

#include <random>
#include <vector>

#include <cueball/laws/backend_source.hpp>
#include <cueball/laws/law.hpp>
#include <cueball/laws/replay.hpp>
#include <cueball/laws/resolver_changes.hpp>
#include <cueball/laws/resolver_laws.hpp>
#include <cueball/laws/resolver_terms.hpp>

namespace cueball::laws {

/// The laws of a resolver whose backends do not change: a run announces all, once; it ends when it is told
/// to, whatever it is doing, and leaves nothing behind; the next one announces the same; in a pool, a run
/// that dies is seen, and a sink whose pool is gone does no harm.
/// \param make returns the resolver, another one each time
/// \throws law_broken
template <class Make>
void check_resolver(const Make& make, const resolver_terms& terms = {}) {
  const detail::resolver_laws laws{make, terms};
  laws.of_announcing();
  laws.of_ending("");
  laws.of_pools();
}

/// Beside these, of one that follows `source`: it tells differences only; replayed, they are the answer; each
/// run begins with all that there is; what failed, what is empty and what is unchanged are told apart; and it
/// ends in time while its source fails, is empty or says nothing.
/// \param make returns a resolver that asks `source`, another one each time
/// \throws law_broken
template <class Make, backend_source Source>
void check_resolver(const Make& make, Source& source, resolver_terms terms = {}) {
  if (terms.seed == 0) terms.seed = std::random_device{}();
  const auto all = one_of_each_key(candidates_of(source));
  source.answer(all);
  check_resolver(make, terms);
  const detail::resolver_laws laws{make, terms};
  source.answer({});
  laws.of_ending(", while there are none");
  if constexpr (failing_source<Source>) {
    source.fail();
    laws.of_ending(", while its source fails");
  }
  if constexpr (silent_source<Source>) {
    source.fall_silent();
    laws.of_ending(", while its source says nothing");
  }
  source.answer(all);
  fact("what is told is the differences between one answer and the next, whatever comes between",
       [&] { detail::resolver_changes{laws, source, terms}.try_all(); });
}

}  // namespace cueball::laws
