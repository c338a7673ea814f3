// SPDX-License-Identifier: BSL-1.0
/// \file
/// Using an empty lease is caught by BOOST_ASSERT. A program of its own, since it defines what that does.
#define BOOST_ENABLE_ASSERT_HANDLER
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <cueball/cueball.hpp>

namespace boost {

void assertion_failed_msg(const char*, const char* message, const char*, const char*, long) {
  const bool expected = std::string_view{message} == "cueball: an empty lease is used";
  std::puts(message);
  std::exit(expected ? EXIT_SUCCESS : EXIT_FAILURE);
}

void assertion_failed(const char* expression, const char*, const char*, long) {
  std::puts(expression);
  std::exit(EXIT_FAILURE);
}

}  // namespace boost

/// \param arguments what to do to an empty lease: use, backend, release, discard, detach
int main(int count, char** arguments) {
  if (count != 2) return EXIT_FAILURE;
  const std::string_view what = arguments[1];
  cueball::lease<cueball::tcp_connection> empty;
  if (what == "use") empty->close();
  if (what == "backend") std::puts(empty.backend().address.c_str());
  if (what == "release") empty.release();
  if (what == "discard") empty.discard();
  if (what == "detach") empty.detach().close();
  std::puts("nothing was asserted");
  return EXIT_FAILURE;
}
