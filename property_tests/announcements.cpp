// SPDX-License-Identifier: BSL-1.0
/// \file
/// What a resolver that has whole answers tells: replayed, it is what it knows.

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <cueball/announcements.hpp>
#include <cueball/laws/draw.hpp>
#include <cueball/laws/law.hpp>
#include <cueball/laws/rule_broken.hpp>

#include <support/catch.hpp>

namespace cueball::laws {

namespace {

using answer = std::vector<backend>;
using known = std::map<std::string, backend>;

/// A pool, as far as it matters here: what was not named again when a round is done is gone.
struct replay final : cueball::detail::sink_target {
  void added(backend where) override {
    demand(!removals, "what is new is told before what is gone");
    demand(!in_run || !now.contains(where.key()), "nothing is added twice");
    ++told;
    named[where.key()] = where;
    now.insert_or_assign(where.key(), where);
  }
  void changed(backend where) override {
    demand(now.contains(where.key()), "what changes was added");
    demand(now[where.key()] != where, "what changes is not the same");
    ++told;
    now[where.key()] = where;
  }
  void removed(std::string key) override {
    demand(now.erase(key) == 1, "what is removed was added");
    ++told;
    removals = true;
  }
  void failed(error_code, std::string) override { demand(false, "no answer is a failure here"); }
  void round_done() override {
    demand(!in_run, "a run has one first round");
    in_run = true;
    now = named;
  }

  known now;
  known named;          ///< In this run.
  bool in_run = false;  ///< Its first round is done.
  bool removals = false;
  int told = 0;
};

rc::Gen<answer> any_answer() {
  const auto one = rc::gen::build<backend>(
      rc::gen::set(&backend::address, rc::gen::just(std::string{"10.0.0.1"})),
      rc::gen::set(&backend::port, number<std::uint16_t>(1, 6)),
      rc::gen::set(&backend::weight, number<std::uint32_t>(1, 3)),
      rc::gen::set(&backend::priority, rc::gen::just(0U)),
      rc::gen::set(&backend::name, rc::gen::just(std::string{})),
      rc::gen::set(&backend::attributes, rc::gen::just(std::map<std::string, std::string>{})));
  return rc::gen::oneOf(rc::gen::container<answer>(one), rc::gen::just(answer{}));
}

}  // namespace

TEST_CASE("replayed, what is told is the answer, as far as it is believed", "[resolvers]") {
  CHECK_NOTHROW(law("replayed, what is told is the answer, as far as it is believed", [] {
    const patience how{.missing = *number<std::uint32_t>(1, 4), .empty = *number<std::uint32_t>(0, 4)};
    const auto answers = *rc::gen::container<std::vector<answer>>(any_answer());
    const auto begins = *number<std::uint32_t>(1, 6);  // a run begins before each so manieth answer
    announcements told{how};
    auto pool = std::make_shared<replay>();
    const resolver_sink sink{pool};
    known believed;
    std::map<std::string, std::uint32_t> missing;
    std::uint32_t empty = 0;
    for (std::size_t i = 0; i < answers.size(); ++i) {
      if (i % begins == 0) {
        told.begin_run();
        pool->in_run = false;
        pool->named.clear();
      }
      pool->removals = false;
      const auto before = pool->told;
      const bool was_in_run = pool->in_run;
      empty = answers[i].empty() ? empty + 1 : 0;
      const bool is_believed = empty == 0 || (how.empty > 0 && empty >= how.empty);
      demand(told.take(sink, answers[i]) == is_believed, "an empty answer is believed in its time");
      if (is_believed) {
        known now;
        for (const auto& where : answers[i]) now.emplace(where.key(), where);
        for (const auto& [key, where] : believed)
          if (now.contains(key))
            missing.erase(key);
          else if ((missing[key] += empty == how.empty ? std::max(empty, 1U) : 1) < how.missing)
            now.emplace(key, where);
          else
            missing.erase(key);
        demand(!was_in_run || now != believed || pool->told == before, "what is nothing new is not told");
        believed = std::move(now);
        demand(pool->now == believed, "replayed, it is the answer");
        demand(told.size() == believed.size(), "and so many are known");
      } else {
        demand(pool->told == before, "what is not believed is not told");
      }
    }
  }));
}

TEST_CASE("of the two patiences the later one decides", "[resolvers]") {
  for (const patience how : {patience{.missing = 3, .empty = 2}, {.missing = 1, .empty = 3}, {3, 3}}) {
    announcements told{how};
    const auto pool = std::make_shared<replay>();
    const resolver_sink sink{pool};
    told.take(sink, {{"10.0.0.1", 1}});
    told.take(sink, {});
    told.take(sink, {});
    CHECK(pool->now.size() == 1);
    told.take(sink, {});
    CHECK(pool->now.empty());
  }
}

}  // namespace cueball::laws
