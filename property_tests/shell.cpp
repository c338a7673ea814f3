// SPDX-License-Identifier: BSL-1.0
/// \file
/// The shipped pool in virtual time: whatever happens outside, the rules that can be seen from there hold.

#include <cueball/laws/law.hpp>

#include <shell/world.hpp>
#include <support/catch.hpp>

namespace cueball::laws::shell {

TEST_CASE("whatever happens, the shipped pool keeps the rules that can be seen, and becomes whole again") {
  CHECK_NOTHROW(
      law("whatever happens, the shipped pool keeps the rules that can be seen, and becomes whole again", [] {
        const auto what = *any_setting();
        const auto ops = *any_script(6.0, endings::none);
        check_run(what, [&](world& outside) {
          outside.play(ops);
          outside.heal();
          outside.stop_and_finish();
        });
      }));
}

TEST_CASE("the shipped pool can be stopped at any moment, and then nothing is left of it") {
  CHECK_NOTHROW(law("the shipped pool can be stopped at any moment, and then nothing is left of it", [] {
    const auto what = *any_setting();
    const auto ops = *any_script(4.0, endings::stop);
    check_run(what, [&](world& outside) {
      outside.play(ops, endings::stop);
      outside.stop_and_finish();
    });
  }));
}

TEST_CASE("the shipped pool can be destroyed at any moment, with operations pending and leases out") {
  CHECK_NOTHROW(
      law("the shipped pool can be destroyed at any moment, with operations pending and leases out", [] {
        const auto what = *any_setting();
        const auto ops = *any_script(4.0, endings::destroy);
        const auto rest = *any_script(2.0, endings::destroy);
        check_run(what, [&](world& outside) {
          outside.play(ops, endings::destroy);
          outside.destroy_and_finish(rest);
        });
      }));
}

TEST_CASE("the context may go with all that is pending on it, after the pool and its leases") {
  CHECK_NOTHROW(law("the context may go with all that is pending on it, after the pool and its leases", [] {
    const auto what = *any_setting();
    const auto ops = *any_script(4.0, endings::destroy);
    check_run(what, [&](world& outside) {
      outside.play(ops, endings::destroy);
      outside.drop_everything();
    });
  }));
}

TEST_CASE("the same seed and the same script give the same run of the shipped pool") {
  CHECK_NOTHROW(law("the same seed and the same script give the same run of the shipped pool", [] {
    const auto what = *any_setting();
    const auto ops = *any_script(4.0, endings::stop);
    std::uint64_t first = 0;
    check_run(what, [&](world& outside) {
      outside.play(ops, endings::stop);
      first = outside.fingerprint();
    });
    check_run(what, [&](world& outside) {
      outside.play(ops, endings::stop);
      RC_ASSERT(outside.fingerprint() == first);
    });
  }));
}

}  // namespace cueball::laws::shell
