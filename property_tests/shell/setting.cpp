// SPDX-License-Identifier: BSL-1.0
/// \file
/// Drawing and showing cases.

#include "setting.hpp"

#include <array>
#include <ostream>
#include <string_view>
#include <utility>

#include <cueball/laws/draw.hpp>

namespace cueball::laws::shell {

namespace {

constexpr std::array<std::string_view, 27> op_names{
    "run",     "run_all", "tick",   "wait",   "fire",       "claim",    "try_claim", "block",      "cancel",
    "release", "add",     "remove", "change", "late",       "nonsense", "report",    "give_up",    "resolver",
    "mode",    "answer",  "cut",    "stray",  "wait_ready", "hook",     "stop",      "async_stop", "destroy"};

}  // namespace

pool_options setting::options() const {
  using std::chrono::milliseconds;
  pool_options all;
  all.max_connections = max_connections;
  all.strict_maximum = strict;
  all.claim_timeout = milliseconds{250};
  all.rebalance_delay = milliseconds{rebalance_ms};
  all.watch_delay = watch_ms == 0 ? no_limit : milliseconds{watch_ms};
  all.check_interval = check_ms == 0 ? no_limit : milliseconds{check_ms};
  all.check_timeout = milliseconds{check_timeout_ms};
  all.check_after = check_after_ms == 0 ? no_limit : milliseconds{check_after_ms};
  all.max_connecting = {per_backend, per_pool};
  all.recovery.usual = {.retries = 3,
                        .timeout = milliseconds{timeout_ms},
                        .max_timeout = milliseconds{2 * timeout_ms},
                        .delay = milliseconds{delay_ms},
                        .max_delay = milliseconds{max_delay_ms},
                        .spread = spread_percent / 100.0};
  all.recovery.stable_after = milliseconds{200};
  all.seed = seed;
  return all;
}

std::ostream& operator<<(std::ostream& out, const setting& shown) {
  return out << "{.lock_free = " << shown.lock_free << ", .threads = " << shown.threads
             << ", .dispatches = " << shown.dispatches << ", .seed = " << shown.seed
             << ", .max_connections = " << shown.max_connections << ", .strict = " << shown.strict
             << ", .warm = " << shown.warm << ", .per_backend = " << shown.per_backend
             << ", .per_pool = " << shown.per_pool << ", .rebalance_ms = " << shown.rebalance_ms
             << ", .watch_ms = " << shown.watch_ms << ", .check_ms = " << shown.check_ms
             << ", .check_timeout_ms = " << shown.check_timeout_ms
             << ", .check_after_ms = " << shown.check_after_ms << ", .timeout_ms = " << shown.timeout_ms
             << ", .delay_ms = " << shown.delay_ms << ", .max_delay_ms = " << shown.max_delay_ms
             << ", .spread_percent = " << shown.spread_percent
             << ", .decoherence_ms = " << shown.decoherence_ms << "}";
}

std::ostream& operator<<(std::ostream& out, const op& shown) {
  return out << "{op_kind::" << op_names[static_cast<std::size_t>(shown.kind)] << ", " << int{shown.a} << ", "
             << int{shown.b} << "}";
}

rc::Gen<setting> any_setting() {
  using rc::gen::set;
  return rc::gen::build<setting>(
      set(&setting::lock_free, rc::gen::arbitrary<bool>()),
      set(&setting::threads, rc::gen::arbitrary<bool>()),
      set(&setting::dispatches, rc::gen::arbitrary<bool>()),
      set(&setting::seed, number<std::uint64_t>(0, 1000)),
      set(&setting::max_connections, number<std::uint32_t>(1, 7)),
      set(&setting::strict, rc::gen::arbitrary<bool>()), set(&setting::warm, number<std::uint32_t>(0, 5)),
      set(&setting::per_backend, number<std::uint32_t>(1, 4)),
      set(&setting::per_pool, number<std::uint32_t>(1, 6)), set(&setting::rebalance_ms, one_of({10, 1, 100})),
      set(&setting::watch_ms, one_of({100, 10, 0})), set(&setting::check_ms, one_of({0, 0, 30, 1000})),
      set(&setting::check_timeout_ms, one_of({50, 5, 1000})),
      set(&setting::check_after_ms, one_of({0, 0, 20, 300})), set(&setting::timeout_ms, one_of({1000, 50})),
      set(&setting::delay_ms, one_of({50, 10})), set(&setting::max_delay_ms, one_of({400, 2000})),
      set(&setting::spread_percent, one_of({20, 0, 100})),
      set(&setting::decoherence_ms, one_of({1000, 100, 300000})));
}

rc::Gen<script> any_script(double length, endings with) {
  using kind = op_kind;
  const std::size_t stops = with == endings::none ? 0 : 1;
  const std::size_t destroys = with == endings::destroy ? 1 : 0;
  std::vector<op_kind> table;
  for (const auto& [weight, what] : std::vector<std::pair<std::size_t, op_kind>>{
           {18, kind::run},     {5, kind::run_all},        {12, kind::tick},         {4, kind::wait},
           {4, kind::fire},     {14, kind::claim},         {4, kind::try_claim},     {5, kind::block},
           {5, kind::cancel},   {16, kind::release},       {7, kind::add},           {4, kind::remove},
           {3, kind::change},   {1, kind::late},           {1, kind::nonsense},      {2, kind::report},
           {2, kind::give_up},  {2, kind::resolver},       {6, kind::mode},          {6, kind::answer},
           {4, kind::cut},      {3, kind::stray},          {2, kind::wait_ready},    {3, kind::hook},
           {stops, kind::stop}, {stops, kind::async_stop}, {destroys, kind::destroy}})
    table.insert(table.end(), weight, what);
  const auto one = rc::gen::build<op>(rc::gen::set(&op::kind, rc::gen::elementOf(table)),
                                      rc::gen::set(&op::a, number<std::uint8_t>(0, 12)),
                                      rc::gen::set(&op::b, number<std::uint8_t>(0, 12)));
  return rc::gen::scale(length, rc::gen::container<script>(one));
}

}  // namespace cueball::laws::shell
