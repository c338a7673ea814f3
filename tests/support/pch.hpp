// SPDX-License-Identifier: BSL-1.0
/// \file
/// What most tests include and what is slow to compile. Each file includes for itself what it needs.
#include <boost/asio.hpp>

#include <support/catch.hpp>
