// SPDX-License-Identifier: BSL-1.0
/// \file
/// What the exporters write, read back.
#include <algorithm>
#include <cctype>
#include <cstdint>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <boost/json/src.hpp>

#include <cueball/exporter/kang.hpp>
#include <cueball/exporter/prometheus.hpp>
#include <cueball/pool.hpp>
#include <cueball/static_resolver.hpp>

#include "support/catch.hpp"
#include "support/scripted_connection.hpp"

using namespace cueball;
using exporter::named_pool;
namespace json = boost::json;

namespace {

/// Prometheus's text, read by its rules.
class exposition {
 public:
  using labels = std::map<std::string, std::string>;

  explicit exposition(const std::string& text) {
    REQUIRE((text.empty() || text.back() == '\n'));
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);) read(line);
  }

  /// The value of a sample; it has to be there.
  std::uint64_t operator()(const std::string& metric, const labels& of) const {
    INFO(metric);
    REQUIRE(samples_.contains({metric, of}));
    return samples_.at({metric, of});
  }

  std::size_t size() const { return samples_.size(); }
  const std::map<std::string, std::string>& types() const { return types_; }

 private:
  void read(const std::string& line) {
    INFO(line);
    std::istringstream words{line};
    std::string hash, what, name, type;
    if (line.starts_with("# ")) {
      words >> hash >> what >> name;
      if (what == "HELP") {
        CHECK(helped_.insert(name).second);
        return;
      }
      REQUIRE(what == "TYPE");
      CHECK(helped_.contains(name));
      words >> type;
      CHECK(types_.emplace(name, type).second);
      CHECK((type == "counter") == name.ends_with("_total"));
      current_ = name;
      return;
    }
    at_ = 0;
    const auto metric = word(line);
    CHECK(metric == current_);  // all samples of a metric stand together
    labels of;
    REQUIRE(line[at_] == '{');
    while (line[at_] != '}') {
      ++at_;
      auto label = word(line);
      CHECK(of.emplace(label, quoted(line)).second);
      REQUIRE((line[at_] == ',' || line[at_] == '}'));
    }
    REQUIRE(line.substr(at_, 2) == "} ");
    std::size_t digits = 0;
    const auto value = std::stoull(line.substr(at_ + 2), &digits);
    CHECK(at_ + 2 + digits == line.size());
    CHECK(samples_.emplace(std::pair{metric, of}, value).second);  // no sample twice
  }

  std::string word(const std::string& line) {
    std::string found;
    while (std::isalnum(static_cast<unsigned char>(line[at_])) || line[at_] == '_') found += line[at_++];
    return found;
  }

  std::string quoted(const std::string& line) {
    REQUIRE(line.substr(at_, 2) == "=\"");
    std::string found;
    for (at_ += 2; line.at(at_) != '"'; ++at_) {
      if (line[at_] != '\\') {
        found += line[at_];
        continue;
      }
      const char escaped = line.at(++at_);
      CHECK((escaped == '\\' || escaped == '"' || escaped == 'n'));
      found += escaped == 'n' ? '\n' : escaped;
    }
    ++at_;
    return found;
  }

  std::set<std::string> helped_;
  std::map<std::string, std::string> types_;
  std::map<std::pair<std::string, labels>, std::uint64_t> samples_;
  std::string current_;
  std::size_t at_ = 0;
};

/// Numbers that differ, so that one in the place of another is noticed.
class numbers {
 public:
  template <class Number>
  void operator()(Number& where) {
    where = static_cast<Number>(++last_ * 7);
  }

  void operator()(slot_counts& all) {
    for (auto* const one : {&all.idle, &all.claimed, &all.checking, &all.connecting, &all.closing})
      (*this)(*one);
  }

  void operator()(slot_counters& all) {
    for (auto* const one : {&all.opened, &all.closed, &all.connect_failures, &all.broken, &all.claims})
      (*this)(*one);
  }

 private:
  std::uint64_t last_ = 0;
};

named_pool pool_of(const std::string& name, const std::vector<backend>& backends) {
  numbers draw;
  named_pool made{.name = name, .stats = {}, .options = {.max_connections = 77}};
  auto& stats = made.stats;
  stats.state = pool_state::running;
  for (auto* const one : {&stats.target, &stats.waiters, &stats.longest_run}) draw(*one);
  for (auto* const one : {&stats.waited, &stats.timed_out, &stats.refused, &stats.shed, &stats.cancelled,
                          &stats.rebalances, &stats.shuffles})
    draw(*one);
  draw(stats.slots);
  draw(stats.counters);
  for (auto* const one : {&stats.resolver.runs, &stats.resolver.failures}) draw(*one);
  stats.resolver.state = resolver_state::down;
  stats.resolver.last_error = errc::resolver_failed;
  stats.resolver.last_error_text = "nobody answers";
  for (const auto& where : backends) {
    auto& row = stats.backends.emplace_back();
    row.where = where;
    row.key = where.key();
    row.dead = stats.backends.size() % 2 == 0;
    row.live = !row.dead;
    if (row.dead) row.last_error = errc::connect_timeout;
    draw(row.planned);
    draw(row.slots);
    draw(row.counters);
  }
  stats.counters.claims = UINT64_MAX;  // no number is written as a fraction
  return made;
}

const std::vector<backend> hostile{{"10.0.0.1", 1, "plain"},
                                   {"10.0.0.1", 1, "q\"uo\\te\n"},
                                   {"10.0.0.1", 1, std::string{"\0\x01\x1F\x7F\r\t", 6}},
                                   {"10.0.0.1", 1, "\\n"},
                                   {"10.0.0.1", 1, "gr\xC3\xBC\xC3\x9F, \xE2\x82\xAC, \xF0\x9F\x8E\xB1"},
                                   {"10.0.0.1", 1, "\xFF"},
                                   {"10.0.0.1", 1, "\xFE"},
                                   {"10.0.0.1", 1, "%FF"},
                                   {"10.0.0.1", 1, "cut off \xE2\x82"},
                                   {"10.0.0.1", 1, "overlong \xC0\xAF surrogate \xED\xA0\x80"},
                                   {"10.0.0.1", 1, "} 1\n# TYPE x gauge\n"},
                                   {"/run/db.sock"}};

/// The key, as it is exported.
std::string shown(const backend& where) {
  return detail::valid_utf8(where.key());
}

std::uint64_t number_in(const json::value& where, std::string_view name) {
  INFO(name);
  REQUIRE(where.as_object().contains(name));
  const auto& found = where.as_object().at(name);
  if (found.is_uint64()) return found.as_uint64();
  REQUIRE(found.is_int64());
  return static_cast<std::uint64_t>(found.as_int64());
}

/// A state that has no connections is left out.
std::uint64_t count_in(const json::value& where, std::string_view state) {
  return where.as_object().contains(state) ? number_in(where, state) : 0;
}

/// \pre a strict parser, which refuses invalid UTF-8 and bare control characters.
json::value parsed(const std::string& text) {
  INFO(text);
  json::error_code error;
  auto value = json::parse(text, error);
  REQUIRE_FALSE(error);
  return value;
}

}  // namespace

TEST_CASE("what is exported is valid UTF-8, and what differs still differs") {
  using detail::valid_utf8;
  CHECK(valid_utf8("a\xC3\xBC\xE2\x82\xAC\xF0\x9F\x8E\xB1\x7F") ==
        "a\xC3\xBC\xE2\x82\xAC\xF0\x9F\x8E\xB1\x7F");
  CHECK(valid_utf8("\x80") == "%80");
  CHECK(valid_utf8("\xC1\xBF") == "%C1%BF");
  CHECK(valid_utf8("\xE0\x9F\xBF") == "%E0%9F%BF");
  CHECK(valid_utf8("\xED\xA0\x80") == "%ED%A0%80");
  CHECK(valid_utf8("\xEF\xBF\xBF\xEE\x80\x80\xED\x9F\xBF") == "\xEF\xBF\xBF\xEE\x80\x80\xED\x9F\xBF");
  CHECK(valid_utf8("\xF0\x8F\xBF\xBF") == "%F0%8F%BF%BF");
  CHECK(valid_utf8("\xF4\x8F\xBF\xBF") == "\xF4\x8F\xBF\xBF");
  CHECK(valid_utf8("\xF4\x90\x80\x80") == "%F4%90%80%80");
  CHECK(valid_utf8("\xF5\x80\x80\x80") == "%F5%80%80%80");
  CHECK(valid_utf8("\xC3(\xE2\x82") == "%C3(%E2%82");
  CHECK(valid_utf8("\xF0\x9F\x8E") == "%F0%9F%8E");
  std::set<std::string> keys;
  for (const auto& where : hostile) keys.insert(shown(where));
  CHECK(keys.size() == hostile.size());
}

TEST_CASE("every number of a snapshot can be scraped, whatever the backends are called") {
  const auto pool = pool_of("db \"main\"\\\n\xFF", hostile);
  const exposition read{exporter::prometheus(pool)};
  const exposition::labels of_pool{{"pool", "db \"main\"\\\n%FF"}};
  const auto with = [](exposition::labels all, const std::string& label, const std::string& value) {
    all.emplace(label, value);
    return all;
  };
  const auto check_counts = [&](const std::string& prefix, const exposition::labels& of,
                                const slot_counts& slots) {
    CHECK(read(prefix + "connections", with(of, "state", "idle")) == slots.idle);
    CHECK(read(prefix + "connections", with(of, "state", "claimed")) == slots.claimed);
    CHECK(read(prefix + "connections", with(of, "state", "checking")) == slots.checking);
    CHECK(read(prefix + "connections", with(of, "state", "connecting")) == slots.connecting);
    CHECK(read(prefix + "connections", with(of, "state", "closing")) == slots.closing);
  };
  const auto check_counters = [&](const std::string& prefix, const exposition::labels& of,
                                  const slot_counters& counters) {
    CHECK(read(prefix + "claims_total", of) == counters.claims);
    CHECK(read(prefix + "opened_connections_total", of) == counters.opened);
    CHECK(read(prefix + "closed_connections_total", of) == counters.closed);
    CHECK(read(prefix + "connect_failures_total", of) == counters.connect_failures);
    CHECK(read(prefix + "broken_connections_total", of) == counters.broken);
  };

  const auto& stats = pool.stats;
  check_counts("cueball_pool_", of_pool, stats.slots);
  check_counters("cueball_pool_", of_pool, stats.counters);
  CHECK(read("cueball_pool_target_connections", of_pool) == stats.target);
  CHECK(read("cueball_pool_waiting_claims", of_pool) == stats.waiters);
  CHECK(read("cueball_pool_longest_run_connections", of_pool) == stats.longest_run);
  CHECK(read("cueball_pool_waited_claims_total", of_pool) == stats.waited);
  CHECK(read("cueball_pool_failed_claims_total", with(of_pool, "reason", "timed_out")) == stats.timed_out);
  CHECK(read("cueball_pool_failed_claims_total", with(of_pool, "reason", "refused")) == stats.refused);
  CHECK(read("cueball_pool_failed_claims_total", with(of_pool, "reason", "shed")) == stats.shed);
  CHECK(read("cueball_pool_failed_claims_total", with(of_pool, "reason", "cancelled")) == stats.cancelled);
  CHECK(read("cueball_pool_rebalances_total", of_pool) == stats.rebalances);
  CHECK(read("cueball_pool_shuffles_total", of_pool) == stats.shuffles);
  CHECK(read("cueball_pool_resolver_runs_total", of_pool) == stats.resolver.runs);
  CHECK(read("cueball_pool_resolver_failures_total", of_pool) == stats.resolver.failures);
  for (const std::string state : {"starting", "following", "down"})
    CHECK(read("cueball_pool_resolver_state", with(of_pool, "state", state)) == (state == "down" ? 1 : 0));
  for (const std::string state : {"starting", "running", "failed", "stopping", "stopped"})
    CHECK(read("cueball_pool_state", with(of_pool, "state", state)) == (state == "running" ? 1 : 0));

  for (const auto& row : stats.backends) {
    INFO(row.key);
    const auto of = with(of_pool, "backend", shown(row.where));
    check_counts("cueball_backend_", of, row.slots);
    check_counters("cueball_backend_", of, row.counters);
    CHECK(read("cueball_backend_live", of) == row.live);
    CHECK(read("cueball_backend_dead", of) == row.dead);
    CHECK(read("cueball_backend_planned_connections", of) == row.planned);
  }
  // Nothing else stands there.
  CHECK(read.size() == 30 + 13 * hostile.size());
}

TEST_CASE("several pools stand in one exposition, each metric once, in one order") {
  const std::vector pools{pool_of("b", {{"10.0.0.2", 1}, {"10.0.0.1", 1}}), pool_of("a", {{"10.0.0.1", 1}})};
  const auto text = exporter::prometheus(pools);
  const exposition read{text};
  CHECK(read.types().size() == 26);
  CHECK(read("cueball_pool_target_connections", {{"pool", "a"}}) == pools[1].stats.target);
  CHECK(read("cueball_backend_planned_connections", {{"pool", "b"}, {"backend", "10.0.0.1:1"}}) ==
        pools[0].stats.backends[1].planned);
  CHECK(text == exporter::prometheus(pools));
  CHECK_THAT(text, ct::StartsWith("# HELP cueball_pool_state 1 for the state that the pool is in, 0 for the "
                                  "others.\n# TYPE cueball_pool_state gauge\n"
                                  "cueball_pool_state{pool=\"b\",state=\"starting\"} 0\n"));
  CHECK_THAT(text,
             ct::EndsWith("cueball_backend_broken_connections_total{pool=\"b\",backend=\"10.0.0.2:1\"} " +
                          std::to_string(pools[0].stats.backends[0].counters.broken) +
                          "\n"
                          "cueball_backend_broken_connections_total{pool=\"b\",backend=\"10.0.0.1:1\"} " +
                          std::to_string(pools[0].stats.backends[1].counters.broken) +
                          "\n"
                          "cueball_backend_broken_connections_total{pool=\"a\",backend=\"10.0.0.1:1\"} " +
                          std::to_string(pools[1].stats.backends[0].counters.broken) + "\n"));
}

TEST_CASE("no pools are exported, and nothing is wrong with that") {
  CHECK(exposition{exporter::prometheus(std::vector<named_pool>{})}.size() == 0);
  CHECK(parsed(exporter::kang(std::vector<named_pool>{})).at("pool").as_object().empty());
}

TEST_CASE("two pools of one name are refused") {
  const std::vector pools{pool_of("a", {}), pool_of("a", {})};
  for (const bool as_json : {false, true}) {
    try {
      (void)(as_json ? exporter::kang(pools) : exporter::prometheus(pools));
      FAIL("nothing was thrown");
    } catch (const std::system_error& thrown) {
      CHECK(thrown.code() == errc::bad_argument);
      CHECK_THAT(thrown.what(), ct::ContainsSubstring("'a'"));
    }
  }
}

TEST_CASE("a backend that was announced anew while its leases are out is one, and adds up") {
  auto pool = pool_of("a", {{"10.0.0.1", 1}, {"10.0.0.2", 1}, {"10.0.0.1", 1, "", 5}});
  auto& withdrawn = pool.stats.backends[0];
  auto& anew = pool.stats.backends[2];
  withdrawn.live = withdrawn.dead = false;
  const exposition read{exporter::prometheus(pool)};
  const exposition::labels of{{"pool", "a"}, {"backend", "10.0.0.1:1"}};
  CHECK(read("cueball_backend_claims_total", of) == withdrawn.counters.claims + anew.counters.claims);
  CHECK(read("cueball_backend_opened_connections_total", of) ==
        withdrawn.counters.opened + anew.counters.opened);
  CHECK(read("cueball_backend_live", of) == 1);

  const auto shown_as = parsed(exporter::kang_object(pool));
  CHECK(shown_as.at("backends").as_object().size() == 2);
  CHECK(number_in(shown_as.at("backends").at("10.0.0.1:1"), "weight") == 5);
  CHECK(count_in(shown_as.at("connections").at("10.0.0.1:1"), "busy") ==
        withdrawn.slots.claimed + anew.slots.claimed);
}

TEST_CASE("kang sees every number of a snapshot, whatever the backends are called") {
  auto pool = pool_of("db \"main\"\\\n\xFF", hostile);
  const auto& stats = pool.stats;
  pool.stats.backends[1].last_error_text = "what\nwas thrown \xFF";
  const auto all =
      parsed(exporter::kang({&pool, 1}, {.name = "app", .ident = "host \"1\"", .version = "1.2"}));
  CHECK(all.at("service").at("name").as_string() == "app");
  CHECK(all.at("service").at("ident").as_string() == "host \"1\"");
  CHECK(all.at("service").at("version").as_string() == "1.2");
  CHECK(all.at("types") == json::value{"pool"});
  CHECK(all.at("stats").as_object().empty());
  REQUIRE(all.at("pool").as_object().size() == 1);
  const auto& one = all.at("pool").at("db \"main\"\\\n%FF");
  CHECK(one == parsed(exporter::kang_object(pool)));

  const auto check_counters = [](const json::value& counters, const slot_counters& expected) {
    CHECK(number_in(counters, "granted-claim") == expected.claims);
    CHECK(number_in(counters, "opened") == expected.opened);
    CHECK(number_in(counters, "closed") == expected.closed);
    CHECK(number_in(counters, "failed-connect") == expected.connect_failures);
    CHECK(number_in(counters, "broken") == expected.broken);
  };
  const auto& counters = one.at("counters");
  check_counters(counters, stats.counters);
  CHECK(number_in(counters, "queued-claim") == stats.waited);
  CHECK(number_in(counters, "claim-timeout") == stats.timed_out);
  CHECK(number_in(counters, "refused-claim") == stats.refused);
  CHECK(number_in(counters, "shed-claim") == stats.shed);
  CHECK(number_in(counters, "cancelled-claim") == stats.cancelled);
  CHECK(number_in(counters, "rebalance") == stats.rebalances);
  CHECK(number_in(counters, "shuffle") == stats.shuffles);
  CHECK(counters.as_object().size() == 12);
  const auto& resolver = one.at("resolver");
  CHECK(resolver.at("state").as_string() == "down");
  CHECK(number_in(resolver, "runs") == stats.resolver.runs);
  CHECK(number_in(resolver, "failures") == stats.resolver.failures);
  CHECK(resolver.at("last_error").as_string() == "nobody answers");
  CHECK(one.at("state").as_string() == "running");
  CHECK(number_in(one, "totalConnections") == stats.slots.total());
  CHECK(number_in(one, "idleConnections") == stats.slots.idle);
  CHECK(number_in(one, "pendingConnections") == stats.slots.connecting);
  CHECK(number_in(one, "waiterCount") == stats.waiters);
  CHECK(number_in(one, "target") == stats.target);
  CHECK(number_in(one, "longest_run") == stats.longest_run);
  CHECK(one.at("options").at("domain").as_string() == "db \"main\"\\\n%FF");
  CHECK(number_in(one.at("options"), "maximum") == 77);

  std::size_t dead = 0;
  for (const auto& row : stats.backends) {
    const auto key = shown(row.where);
    INFO(key);
    const auto& where = one.at("backends").at(key);
    CHECK(where.at("key").as_string() == key);
    CHECK(where.at("name").as_string() == detail::valid_utf8(row.where.name));
    CHECK(where.at("address").as_string() == row.where.address);
    CHECK(number_in(where, "port") == row.where.port);
    CHECK(number_in(where, "priority") == row.where.priority);
    CHECK(where.at("live").as_bool() == row.live);
    CHECK(number_in(where, "planned") == row.planned);
    check_counters(where.at("counters"), row.counters);
    const auto& slots = one.at("connections").at(key);
    CHECK(count_in(slots, "idle") == row.slots.idle);
    CHECK(count_in(slots, "busy") == row.slots.claimed);
    CHECK(count_in(slots, "checking") == row.slots.checking);
    CHECK(count_in(slots, "connecting") == row.slots.connecting);
    CHECK(count_in(slots, "stopping") == row.slots.closing);
    if (row.dead) CHECK(one.at("dead_backends").at(dead++).as_string() == key);
    CHECK(one.at("last_errors").as_object().contains(key) == row.dead);
  }
  CHECK(one.at("dead_backends").as_array().size() == dead);
  CHECK(one.at("last_errors").at(shown(hostile[1])).as_string() == "what\nwas thrown %FF");
  CHECK(one.at("last_errors").at(shown(hostile[3])).as_string() ==
        make_error_code(errc::connect_timeout).message());
}

TEST_CASE("a state without connections is left out, as node-cueball does") {
  auto pool = pool_of("a", {{"10.0.0.1", 1}});
  pool.stats.backends[0].slots = {.idle = 2};
  CHECK(parsed(exporter::kang_object(pool)).at("connections") ==
        json::parse(R"({"10.0.0.1:1": {"idle": 2}})"));
}

TEST_CASE("a pool is looked at once, and exported after that") {
  const auto plan = std::make_shared<support::script>();
  cueball::pool<support::scripted_connection> pool{
      static_resolver{support::at(1), support::at(2)}, support::follow(plan), {.max_connections = 4}};
  using namespace std::chrono_literals;
  pool.wait_ready(4, 10s);
  const auto lease = pool.claim(10s);
  const auto seen = exporter::look_at("echo", pool);
  const exposition read{exporter::prometheus(seen)};
  CHECK(read("cueball_pool_connections", {{"pool", "echo"}, {"state", "claimed"}}) == 1);
  CHECK(read("cueball_pool_claims_total", {{"pool", "echo"}}) == 1);
  CHECK(read("cueball_backend_planned_connections", {{"pool", "echo"}, {"backend", "127.0.0.1:2"}}) == 2);
  CHECK(number_in(parsed(exporter::kang_object(seen)).at("options"), "maximum") == 4);
}
