// SPDX-License-Identifier: BSL-1.0
/// \file
/// The dns_resolver while the wall clock steps by an hour, forth and back. It is libfaketime that steps it,
/// for this process alone; meson.build sets that up.
#include <dlfcn.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <cueball/dns_resolver.hpp>

#include "discovery/support/nameserver.hpp"
#include "support/catch.hpp"
#include "support/eventually.hpp"
#include "support/recorder.hpp"
#include "support/server_process.hpp"

using namespace cueball;
using namespace std::chrono_literals;
using namespace support;
using keys = std::set<std::string>;
using resolving = background_run<dns_resolver>;
using std::chrono::steady_clock;

namespace {

const char* const file = std::getenv("FAKETIME_TIMESTAMP_FILE");

bool is_faked() {
  Dl_info from{};
  return file && ::dladdr(::dlsym(RTLD_DEFAULT, "clock_gettime"), &from) != 0 &&
         std::string_view{from.dli_fname}.find("libfaketime") != std::string_view::npos;
}

const skip_unless with_faketime{is_faked(), "libfaketime"};

/// Off by so many hours, beginning with 0.
void set_wall_clock(int hours) {
  const auto next = std::string{file} + ".next";
  std::ofstream{next} << (hours < 0 ? "" : "+") << hours << "h\n";
  std::filesystem::rename(next, file);
}

const bool began_right = (set_wall_clock(0), true);

/// An hour forth, back, back and forth; and each time it is asked whether the clock really went, and the
/// steady one did not.
template <class Check>
void at_each_step(Check check) {
  int before = 0;
  for (const int hours : {1, 0, -1, 0}) {
    const auto step = [&] {
      const auto steady = steady_clock::now();
      const auto wall = std::chrono::system_clock::now();
      set_wall_clock(hours);
      const auto length = std::chrono::system_clock::now() - wall - std::chrono::hours{hours - before};
      CHECK(length < 1min);
      CHECK(length > -1min);
      CHECK(steady_clock::now() - steady < 1min);
      before = hours;
    };
    CAPTURE(hours);
    check(step);
  }
}

// What a busy machine may add.
constexpr auto late = 250ms;

dns_options ask(const nameserver& server) {
  return {.default_port = 80,
          .nameservers = {server.text()},
          .min_ttl = 50ms,
          .max_ttl = 1h,
          .recovery = {.retries = 1,
                       .timeout = 300ms,
                       .max_timeout = 300ms,
                       .delay = 300ms,
                       .max_delay = 300ms,
                       .spread = 0},
          .families = dns_families::v4,
          .seed = 1};
}

/// Asked for again as soon as `min_ttl` allows.
const zone brief{{a("svc.test", "10.0.0.1", 0)}};

/// Waits for a question of this type; when it was seen.
steady_clock::time_point question(nameserver& server, unsigned type) {
  REQUIRE(eventually([&] {
    for (const auto& each : server.questions())
      if (each.type == type) return true;
    return false;
  }));
  return steady_clock::now();
}

/// It is asked for SRV records each second, whatever the clock does, and `run` hears nothing new.
void each_second(nameserver& server, const resolving& run) {
  auto last = question(server, 33);
  at_each_step([&](auto step) {
    step();
    const auto next = question(server, 33);
    const auto took = next - std::exchange(last, next);
    CHECK(took > 900ms);
    CHECK(took < 1s + 50ms + late);
  });
  CHECK(run.told().changes() == 1);
  CHECK(run.told().failures().empty());
}

std::chrono::microseconds processor_time() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto length = [](const timeval& time) {
    return std::chrono::seconds{time.tv_sec} + std::chrono::microseconds{time.tv_usec};
  };
  return length(used.ru_utime) + length(used.ru_stime);
}

}  // namespace

TEST_CASE("when the wall clock steps, answers hold as long as before") {
  nameserver server{brief};
  const resolving run{dns_resolver{"svc.test", ask(server)}};
  REQUIRE(eventually([&] { return run.told().rounds() == 1; }));
  at_each_step([&](auto step) {
    const auto used = processor_time();
    auto last = question(server, 1);
    const auto begin = last;
    step();
    for (int i = 0; i < 6; ++i) {
      const auto next = question(server, 1);
      CHECK(next - last < 50ms + late);
      last = next;
    }
    CHECK(last - begin > 5 * 50ms);
    CHECK(processor_time() - used < (last - begin) / 2);
  });
  CHECK(run.told().keys() == keys{"svc.test@10.0.0.1:80"});
  CHECK(run.told().changes() == 1);
  CHECK(run.told().failures().empty());
}

TEST_CASE("when the wall clock steps, what there is not is asked for again when its time is over") {
  nameserver server{[](const dns_question& asked) {
    if (asked.type == 33) return dns_answer{.code = nxdomain, .authorities = {soa("test", 1, 1)}};
    return brief(asked);
  }};
  auto options = ask(server);
  options.service = "_web._tcp";
  const resolving run{dns_resolver{"svc.test", options}};
  each_second(server, run);
}

TEST_CASE("when the wall clock steps, nameservers are looked for again when their time is over") {
  nameserver found{brief};
  nameserver first{
      zone{{srv("_dns._udp.ns.test", "ns1.test", found.port(), 1), a("ns1.test", "127.0.0.1", 3600)}}};
  auto options = ask(found);
  options.nameservers = {"@ns.test"};
  options.bootstrap = {first.text()};
  const resolving run{dns_resolver{"svc.test", options}};
  each_second(first, run);
}

TEST_CASE("when the wall clock steps, a silent nameserver is waited for as long as before") {
  const nameserver silent{[](const dns_question&) { return dns_answer{.silent = true}; }};
  at_each_step([&](auto step) {
    nameserver second{brief};
    auto options = ask(silent);
    options.nameservers.push_back(second.text());
    const auto before = silent.asked();
    const auto begin = steady_clock::now();
    const resolving run{dns_resolver{"svc.test", options}};
    REQUIRE(eventually([&] { return silent.asked() > before; }));
    step();
    const auto took = question(second, 1) - begin;
    CHECK(took >= 300ms);
    CHECK(took < 300ms + late);
    CHECK(eventually([&] { return run.told().rounds() == 1; }));
    CHECK(run.told().failures().empty());
  });
}

TEST_CASE("when the wall clock steps, a pause after a failure is as long as before") {
  nameserver server{brief};
  const resolving run{dns_resolver{"svc.test", ask(server)}};
  REQUIRE(eventually([&] { return run.told().rounds() == 1; }));
  server.answer([](const dns_question&) { return dns_answer{.code = servfail}; });
  REQUIRE(eventually([&] { return !run.told().failures().empty(); }));
  at_each_step([&](auto step) {
    const auto last = question(server, 1);
    step();
    const auto took = question(server, 1) - last;
    CHECK(took > 250ms);
    CHECK(took < 300ms + late);
  });
  CHECK(run.told().keys() == keys{"svc.test@10.0.0.1:80"});
  CHECK(run.told().changes() == 1);
}
