// SPDX-License-Identifier: BSL-1.0
/// \file
/// Drawing and showing cases of the simulator.

#include <algorithm>
#include <array>
#include <ostream>
#include <string_view>
#include <utility>

#include <cueball/laws/draw.hpp>
#include <cueball/laws/simulator/setting.hpp>

namespace cueball::laws {

namespace {

constexpr std::array<std::string_view, 28> op_names{
    "tick",       "wait",     "wake",    "perform",   "answer",      "settle",        "claim",
    "try_claim",  "cancel",   "release", "add",       "remove",      "change",        "refresh",
    "give_up",    "nonsense", "mode",    "cut",       "fire",        "invalidate",    "resize",
    "wait_ready", "stale",    "stop",    "claim_all", "release_all", "announce_anew", "drain"};

}  // namespace

pool_options setting::options() const {
  using std::chrono::milliseconds;
  pool_options all;
  all.max_connections = max_connections;
  all.strict_maximum = strict;
  all.rebalance_delay = milliseconds{rebalance_ms};
  all.watch_delay = milliseconds{watch_ms};
  if (spares != 0) all.spares = std::min(spares, max_connections);
  all.check_interval = check_ms != 0 ? duration{milliseconds{check_ms}} : no_limit;
  all.check_timeout = milliseconds{check_timeout_ms};
  if (check_after_ms != 0) all.check_after = milliseconds{check_after_ms};
  if (max_idle_ms != 0) all.max_idle = milliseconds{max_idle_ms};
  if (lifetime_ms != 0) all.max_lifetime = milliseconds{lifetime_ms};
  all.lifetime_spread = lifetime_spread_percent / 100.0;
  if (churn_rate != 0) all.max_churn_rate = churn_rate;
  if (max_waiters != 0) all.max_waiters = max_waiters;
  if (target_delay_ms != 0) all.target_claim_delay = milliseconds{target_delay_ms};
  all.error_on_empty = error_on_empty;
  if (lease_ms != 0) all.lease_limit = milliseconds{lease_ms};
  all.max_connecting = {per_backend, per_pool};
  all.recovery.usual = {.retries = retries,
                        .timeout = milliseconds{timeout_ms},
                        .max_timeout = milliseconds{max_timeout_ms},
                        .delay = milliseconds{delay_ms},
                        .max_delay = milliseconds{max_delay_ms},
                        .spread = spread_percent / 100.0};
  if (initial_delay_ms != 0) {
    all.recovery.initial = all.recovery.usual;
    all.recovery.initial->delay = milliseconds{initial_delay_ms};
  }
  all.recovery.stable_after = milliseconds{stable_ms};
  return all;
}

std::ostream& operator<<(std::ostream& out, const setting& shown) {
  return out << "{/* " << shown.policies->name << " */ .seed = " << shown.seed
             << ", .max_connections = " << shown.max_connections << ", .strict = " << shown.strict
             << ", .watched = " << shown.watched << ", .lazy = " << shown.lazy << ", .warm = " << shown.warm
             << ", .per_backend = " << shown.per_backend << ", .per_pool = " << shown.per_pool
             << ", .rebalance_ms = " << shown.rebalance_ms << ", .watch_ms = " << shown.watch_ms
             << ", .spares = " << shown.spares << ", .checked = " << shown.checked
             << ", .resets = " << shown.resets << ", .check_ms = " << shown.check_ms
             << ", .check_timeout_ms = " << shown.check_timeout_ms
             << ", .check_after_ms = " << shown.check_after_ms << ", .max_idle_ms = " << shown.max_idle_ms
             << ", .lifetime_ms = " << shown.lifetime_ms
             << ", .lifetime_spread_percent = " << shown.lifetime_spread_percent
             << ", .churn_rate = " << shown.churn_rate << ", .max_waiters = " << shown.max_waiters
             << ", .target_delay_ms = " << shown.target_delay_ms
             << ", .error_on_empty = " << shown.error_on_empty << ", .lease_ms = " << shown.lease_ms
             << ", .retries = " << shown.retries << ", .timeout_ms = " << shown.timeout_ms
             << ", .max_timeout_ms = " << shown.max_timeout_ms << ", .delay_ms = " << shown.delay_ms
             << ", .initial_delay_ms = " << shown.initial_delay_ms
             << ", .max_delay_ms = " << shown.max_delay_ms << ", .spread_percent = " << shown.spread_percent
             << ", .stable_ms = " << shown.stable_ms << ", .decoherence_ms = " << shown.decoherence_ms
             << ", .slice = " << shown.slice << "}";
}

std::ostream& operator<<(std::ostream& out, const op& shown) {
  return out << "{op_kind::" << op_names[static_cast<std::size_t>(shown.kind)] << ", " << int{shown.a} << ", "
             << int{shown.b} << "}";
}

rc::Gen<setting> any_setting(compositions of) {
  using rc::gen::set;
  const auto any_of_them =
      rc::gen::map(number<std::size_t>(0, of.size()), [of](std::size_t which) { return &of[which]; });
  const auto usual = rc::gen::build<setting>(
      set(&setting::policies, any_of_them), set(&setting::seed, number<std::uint64_t>(0, 1000)),
      set(&setting::max_connections, number<std::uint32_t>(1, 9)),
      set(&setting::strict, rc::gen::arbitrary<bool>()), set(&setting::watched, rc::gen::arbitrary<bool>()),
      set(&setting::lazy, rc::gen::arbitrary<bool>()), set(&setting::warm, number<std::uint32_t>(0, 6)),
      set(&setting::per_backend, number<std::uint32_t>(1, 4)),
      set(&setting::per_pool, number<std::uint32_t>(1, 7)), set(&setting::rebalance_ms, one_of({100, 1, 10})),
      set(&setting::watch_ms, one_of({100, 10, 500})), set(&setting::retries, one_of({3, 1, 2, 1000})),
      set(&setting::timeout_ms, one_of({1000, 50, 5000})),
      set(&setting::max_timeout_ms, one_of({5000, 9000})), set(&setting::delay_ms, one_of({50, 10, 250})),
      set(&setting::max_delay_ms, one_of({400, 250, 2000})),
      set(&setting::spread_percent, one_of({20, 0, 100})), set(&setting::stable_ms, one_of({200, 1, 1000})),
      set(&setting::decoherence_ms, one_of({1000, 100, 300000})));
  // What moves connections comes seldom enough that a pool can be whole in between.
  return rc::gen::map(usual, [](setting any) {
    if (any.policies->prefers) any.decoherence_ms = std::max(any.decoherence_ms, 30'000U);
    return any;
  });
}

rc::Gen<setting> any_loaded_setting(compositions of) {
  return rc::gen::mapcat(any_setting(of), [](const setting& usual) {
    using rc::gen::set;
    return rc::gen::build(
        rc::gen::just(usual), set(&setting::churn_rate, one_of({0, 1000})),
        set(&setting::checked, rc::gen::arbitrary<bool>()), set(&setting::resets, rc::gen::arbitrary<bool>()),
        set(&setting::check_ms, one_of({0, 100, 1000})),
        set(&setting::check_timeout_ms, one_of({100, 10, 1000})),
        set(&setting::check_after_ms, one_of({0, 20, 300})),
        set(&setting::max_idle_ms, one_of({0, 0, 0, 100, 2000})),
        set(&setting::lifetime_ms, one_of({0, 200, 3000})),
        set(&setting::lifetime_spread_percent, one_of({10, 0, 100})),
        set(&setting::max_waiters, one_of({0, 1, 3})), set(&setting::target_delay_ms, one_of({0, 5, 100})),
        set(&setting::error_on_empty, rc::gen::arbitrary<bool>()));
  });
}

rc::Gen<setting> any_sliced_setting(compositions of) {
  const auto any = rc::gen::oneOf(any_setting(of), any_loaded_setting(of));
  return rc::gen::mapcat(any, [](const setting& small) {
    auto large = small;
    large.per_backend *= 8;
    large.per_pool *= 6;
    using rc::gen::just;
    using rc::gen::set;
    return rc::gen::build(rc::gen::element(small, large), set(&setting::slice, one_of({1, 2, 3, 7})),
                          set(&setting::max_connections,
                              rc::gen::oneOf(just(small.max_connections), number<std::uint32_t>(10, 41))));
  });
}

namespace {

using weights = std::vector<std::pair<std::size_t, op_kind>>;

weights usual_weights(bool with_stop) {
  using kind = op_kind;
  return {{14, kind::tick},   {6, kind::wait},       {5, kind::wake},    {12, kind::perform},
          {16, kind::answer}, {5, kind::settle},     {14, kind::claim},  {4, kind::try_claim},
          {3, kind::cancel},  {14, kind::release},   {8, kind::add},     {5, kind::remove},
          {4, kind::change},  {2, kind::refresh},    {1, kind::give_up}, {1, kind::nonsense},
          {6, kind::mode},    {4, kind::cut},        {3, kind::fire},    {1, kind::invalidate},
          {1, kind::resize},  {2, kind::wait_ready}, {3, kind::stale},   {with_stop ? 1U : 0U, kind::stop}};
}

rc::Gen<script> script_of(const weights& kinds, double length) {
  std::vector<op_kind> table;
  for (const auto& [weight, kind] : kinds) table.insert(table.end(), weight, kind);
  const auto one = rc::gen::build<op>(rc::gen::set(&op::kind, rc::gen::elementOf(table)),
                                      rc::gen::set(&op::a, number<std::uint8_t>(0, 12)),
                                      rc::gen::set(&op::b, number<std::uint8_t>(0, 12)));
  return rc::gen::scale(length, rc::gen::container<script>(one));
}

}  // namespace

rc::Gen<script> any_script(double length, bool with_stop) {
  return script_of(usual_weights(with_stop), length);
}

rc::Gen<script> any_sliced_script(double length) {
  using kind = op_kind;
  auto all = usual_weights(false);
  all.insert(all.end(), {{16, kind::wake},
                         {6, kind::claim_all},
                         {6, kind::release_all},
                         {4, kind::announce_anew},
                         {3, kind::drain}});
  return script_of(all, length);
}

}  // namespace cueball::laws
