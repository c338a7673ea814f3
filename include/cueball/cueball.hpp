// SPDX-License-Identifier: BSL-1.0
/// \file
/// The pool, its default policies, `tcp_connection` and `static_resolver`: what a first program needs.
/// Policies that are not defaults, and other resolvers, have headers of their own.
#pragma once

#include <cueball/pool.hpp>
#include <cueball/static_resolver.hpp>
#include <cueball/tcp_connection.hpp>
