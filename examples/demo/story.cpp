// SPDX-License-Identifier: BSL-1.0
#include "story.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace demo {

namespace {

/// Fewer than the connections, so that claims do not wait; more than are left when a server is missing, so
/// that then they do.
constexpr unsigned threads = 10;

/// So long a server thinks.
constexpr std::chrono::milliseconds work{2};

/// `fifo` uses the connections in turn, so each backend has the part of the requests that it has of the
/// connections, as long as the servers are equally fast. One connection too few at one of them would make
/// this 18 % at least. But a busy machine may let a server wait for the processor, and that shows too.
constexpr double most_uneven = 0.10;

/// What passes has averaged out after so many times of observation; what has a cause in the pool has not.
constexpr int most_observations = 5;

std::string percent(double part) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%", 100 * part);
  return text;
}

std::string milliseconds(histogram::time length) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f ms", std::chrono::duration<double, std::milli>{length}.count());
  return text;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : " ") + name;
  return text;
}

const cueball::backend_stats* find(const cueball::pool_stats& stats, const std::string& name) {
  const auto found = std::find_if(stats.backends.begin(), stats.backends.end(),
                                  [&](const auto& row) { return row.where.name == name; });
  return found == stats.backends.end() ? nullptr : &*found;
}

}  // namespace

story::story(view& shown, std::string server, std::chrono::milliseconds observe)
    : shown_(shown),
      server_(std::move(server)),
      observe_(observe),
      pool_(resolver_, options()),
      users_(pool_),
      watch_(pool_, users_, shown) {}

verdict story::play() {
  three_servers();
  one_is_killed();
  one_is_added();
  the_dead_one_returns();
  one_is_removed();
  the_end();
  return verdict_;
}

void story::three_servers() {
  for (const auto* name : {"A", "B", "C"}) resolver_.add(start(name));
  users_.start(threads);
  happens("A, B and C serve; " + std::to_string(threads) + " threads claim, ask and release.");

  const names all{"A", "B", "C"};
  const numbers none{{"A", 0}, {"B", 0}, {"C", 0}};
  judge_spread("three servers", true, all);
  judge_opened("the first fill", all, none, fewest_to_open(none, connections));
  judge_requests(all);
}

void story::one_is_killed() {
  const names others{"A", "C"};
  watch_.take();
  const auto before = ever_up(watch_.stats(), others);
  had_ = sum(up(watch_.stats(), {"B"}));
  got_ = sum(ever_up(watch_.stats(), {"B"}));
  servers_.at("B").kill();
  const auto present = up(watch_.stats(), others);
  happens("B is killed (SIGKILL). It stays announced; when it is found dead, the others have its share.");

  const bool noticed = watch_.until([](const auto& stats) { return find(stats, "B")->dead; });
  judge_spread("B killed", noticed, others, {"B"});
  judge_opened("the loss of B", others, before, fewest_to_open(present, connections));
  watch_.pass(observe_);
  outage_ += watch_.take();
}

void story::one_is_added() {
  const names reachable{"A", "C", "D"};
  const auto& where = start("D");
  watch_.look();
  const auto rebalances = watch_.stats().rebalances;
  const auto before = ever_up(watch_.stats(), reachable);
  const auto present = up(watch_.stats(), reachable);
  resolver_.add(where);
  happens("D is added. It takes its share from A and C.");

  const bool noticed = watch_.until([&](const auto& stats) { return stats.rebalances > rebalances; });
  judge_spread("D added", noticed, reachable, {"B"});
  judge_opened("adding D", reachable, before, fewest_to_open(present, connections));
  watch_.pass(observe_);
  outage_ += watch_.take();
}

void story::the_dead_one_returns() {
  const names all{"A", "B", "C", "D"};
  watch_.look();
  const auto before = ever_up(watch_.stats(), all);
  const auto present = up(watch_.stats(), all);
  got_ = sum(ever_up(watch_.stats(), {"B"})) - got_;
  start("B", backends_.at("B").port);
  happens("B is back, on its old port.");

  const bool noticed = watch_.until([](const auto& stats) { return find(stats, "B")->live; });
  judge_spread("B back", noticed, all);
  outage_ += watch_.take();
  judge_opened("the return of B", all, before, fewest_to_open(present, connections));
  judge_requests(all);
}

void story::one_is_removed() {
  const names rest{"A", "B", "D"};
  watch_.take();
  const auto before = ever_up(watch_.stats(), rest);
  const auto present = up(watch_.stats(), rest);
  const auto rebalances = watch_.stats().rebalances;
  resolver_.remove(backends_.at("C"));
  happens("C is removed by the resolver; its server still runs, until the pool has left it.");

  watch_.until([&](const auto& stats) { return stats.rebalances > rebalances; });
  claims_before_bar_ = watch_.last().all.waits.count();
  users_.bar(backends_.at("C").port);
  const bool left = watch_.until([](const auto& stats) { return !find(stats, "C"); });
  servers_.erase("C");
  shown_.tell(left ? "The last connection to C is closed: its server is ended."
                   : "There are still connections to C; its server is ended nevertheless.");

  judge_spread("C removed", left, rest);
  judge_opened("removing C", rest, before, fewest_to_open(present, connections));
  judge_requests(rest);
}

void story::the_end() {
  users_.stop();
  happens("The threads have stopped; the pool is stopped.");
  watch_.look();
  const auto all = watch_.last().all;
  const auto last_claims = watch_.stats().counters.claims;
  const auto left = pool_.stop(watch::limit);
  watch_.look();
  shown_.finish(watch_.last());

  const auto failed_at_b = [](const tally& of) {
    const auto found = of.by_name.find("B");
    return found == of.by_name.end() ? 0 : found->second.failed;
  };
  const auto during = failed_at_b(outage_);
  verdict_.rule("requests fail only on the connections of the killed server, one each at the most",
                during <= had_ + got_ && all.failed() == during,
                std::to_string(during) + " failed at B: it had " + std::to_string(had_) +
                    " connections and accepted " + std::to_string(got_) + " while it died; " +
                    std::to_string(all.failed() - during) + " other failures; " +
                    std::to_string(all.answered()) + " requests were answered");

  verdict_.rule("no claim fails, in the outage or else", all.claims_failed == 0,
                std::to_string(outage_.claims_failed) + " of " + std::to_string(outage_.waits.count()) +
                    " failed in the outage, " + std::to_string(all.claims_failed) + " of " +
                    std::to_string(all.waits.count()) + " in all");

  verdict_.rule("claims in the outage are served before their deadline",
                outage_.waits.count() > 0 && outage_.waits.longest() < claim_deadline,
                "longest wait " + milliseconds(outage_.waits.longest()) + ", 99 % within " +
                    milliseconds(outage_.waits.quantile(0.99)) + ", deadline " +
                    milliseconds(claim_deadline));

  verdict_.rule("no connection to C is handed out after the rebalance that removed it", all.from_barred == 0,
                std::to_string(all.from_barred) + " of " +
                    std::to_string(all.waits.count() - claims_before_bar_) + " claims gave one");

  const auto claimed = pool_.observer().claimed.value();
  const auto released = pool_.observer().released.value();
  const auto counted = all.waits.count() - all.claims_failed;
  verdict_.rule("every lease is counted once, by the threads, the pool and its observer",
                counted == last_claims && claimed == counted && released == counted,
                "threads " + std::to_string(counted) + ", pool " + std::to_string(last_claims) +
                    ", observer " + std::to_string(claimed) + " claimed and " + std::to_string(released) +
                    " released");

  const auto& counters = watch_.stats().counters;
  const auto total = watch_.stats().slots.total();
  verdict_.rule(
      "opened = closed + total in every snapshot, and nothing is left in the last",
      watch_.wrong_snapshots() == 0 && left == 0 && total == 0 && counters.opened == counters.closed,
      "wrong in " + std::to_string(watch_.wrong_snapshots()) + " of " + std::to_string(watch_.snapshots()) +
          "; the last: " + std::to_string(counters.opened) + " = " + std::to_string(counters.closed) + " + " +
          std::to_string(total));
}

void story::happens(const std::string& what) {
  event_ = watch::clock::now();
  shown_.tell(what);
}

const cueball::backend& story::start(const std::string& name, std::uint16_t port) {
  servers_.erase(name);
  const auto& server = servers_.emplace(name, server_process{server_, port, work}).first->second;
  auto& where = backends_[name];
  where = {.address = "127.0.0.1", .port = server.port(), .name = name};
  return where;
}

void story::judge_spread(const std::string& when, bool noticed, const names& reachable,
                         const names& unreachable) {
  const auto quiet = watch_.until_quiet(reachable, unreachable);
  const auto counts = up(watch_.stats(), reachable);
  verdict_.rule(when + ": quiet, and spread evenly over " + joined(reachable),
                noticed && quiet && sum(counts) == connections && spread(counts) <= 1,
                to_string(counts) + ": " + std::to_string(spread(counts)) + " apart, at most 1; in sum " +
                    std::to_string(sum(counts)) + " of " + std::to_string(connections) + "; " +
                    (noticed && quiet ? "quiet after " + milliseconds(*quiet - event_)
                                      : "not in " + milliseconds(watch::limit)));
}

void story::judge_opened(const std::string& why, const names& to, const numbers& before,
                         const numbers& fewest) {
  auto opened = ever_up(watch_.stats(), to);
  for (auto& [name, number] : opened) number -= before.at(name);
  verdict_.rule(why + " opens no more connections than it has to", sum(opened) == sum(fewest),
                "opened " + std::to_string(sum(opened)) + " (" + to_string(opened) + "), least possible " +
                    std::to_string(sum(fewest)));
}

void story::judge_requests(const names& over) {
  watch_.take();
  const auto begin = watch::clock::now();
  numbers answered;
  for (const auto& name : over) answered[name] = 0;
  int observations = 0;
  do {
    watch_.pass(observe_);
    for (const auto& [name, outcome] : watch_.take().by_name) answered[name] += outcome.answered;
  } while (unevenness(answered) > most_uneven && ++observations < most_observations);
  verdict_.rule("requests are spread evenly over " + joined(over), unevenness(answered) <= most_uneven,
                to_string(answered) + " in " + milliseconds(watch::clock::now() - begin) + ": " +
                    percent(unevenness(answered)) + " off an even share, at most " + percent(most_uneven));
}

}  // namespace demo
