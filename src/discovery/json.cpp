// SPDX-License-Identifier: BSL-1.0
/// \file
/// Boost.JSON itself, compiled once.
#include <boost/json/src.hpp>
