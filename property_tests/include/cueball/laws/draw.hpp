// SPDX-License-Identifier: BSL-1.0
/// \file
/// Generators that the settings of all simulators are drawn with.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

#include <rapidcheck.h>

namespace cueball::laws {

/// The whole range at once, whatever the size of the case.
template <class Number>
rc::Gen<Number> number(Number begin, Number end) {
  return rc::gen::resize(rc::kNominalSize, rc::gen::inRange<Number>(begin, end));
}

/// The first is the simplest.
inline rc::Gen<std::uint32_t> one_of(std::initializer_list<std::uint32_t> values) {
  return rc::gen::elementOf(std::vector<std::uint32_t>{values});
}

}  // namespace cueball::laws
