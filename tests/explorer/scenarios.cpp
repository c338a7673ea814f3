// SPDX-License-Identifier: BSL-1.0
/// \file
/// All interleavings of a few short operations on the pool that ships.
#include <cstdio>

#include "explorer/world.hpp"
#include "support/catch.hpp"

using namespace explorer;
using namespace std::chrono_literals;

namespace {

/// Explores, and says how much that was.
void every_interleaving_of(const char* name, std::function<void()> body) {
  const auto all = scheduler::get().explore(name, std::move(body));
  std::printf("%-44s %8llu interleavings, %7.0f a second, at most %zu choices\n", name,
              static_cast<unsigned long long>(all.interleavings),
              static_cast<double>(all.interleavings) / all.seconds, all.longest);
  std::fflush(stdout);
  if (!all.failure.empty()) FAIL(all.failure);
  SUCCEED();
}

}  // namespace

TEST_CASE("claim || release") {
  every_interleaving_of("claim || release", [] {
    world<explored> here;
    auto held = here.take();
    here.all.go({{"claimer",
                  [&] {
                    cueball::error_code error;
                    const auto claimed = here.pool->claim(cueball::no_limit, error);
                    here.all.check(claimed && !error, "the claim is granted");
                  }},
                 {"releaser", [&] { held.release(); }}});
    here.settle();
    here.check_whole(0);
  });
}
