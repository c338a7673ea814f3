// SPDX-License-Identifier: BSL-1.0
/// \file
/// The main of Catch2 2, where no library has it.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
