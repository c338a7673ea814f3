// SPDX-License-Identifier: BSL-1.0
/// \file
/// The laws of resolvers: the shipped ones that need no server keep them, and each way to break one is found.
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cueball/announcements.hpp>
#include <cueball/any_resolver.hpp>
#include <cueball/fallback_resolver.hpp>
#include <cueball/laws/resolver.hpp>
#include <cueball/manual_resolver.hpp>
#include <cueball/static_resolver.hpp>

#include <support/catch.hpp>

namespace cueball::laws {

namespace {

/// What a manual_resolver is told.
struct manual_source {
  manual_resolver resolver;
  std::vector<backend> now{};

  void answer(const std::vector<backend>& all) {
    for (const auto& where : all) resolver.add(where);
    const auto keyed = by_key(all);
    for (const auto& where : now)
      if (!keyed.contains(where.key())) resolver.remove(where);
    now = all;
  }
  void fail() { resolver.fail(errc::resolver_failed, "nobody answers"); }
};

/// What the resolvers below ask: whoever reads it is answered at once.
class board {
 public:
  void answer(const std::vector<backend>& all) { set(all, mood::answers); }
  void fail() { set({}, mood::fails); }
  void fall_silent() { set({}, mood::is_silent); }

  std::uint64_t asked() const {
    const std::scoped_lock lock{mutex_};
    return asked_;
  }

  enum class mood : std::uint8_t { answers, fails, is_silent };

  mood read(std::vector<backend>& into) {
    const std::scoped_lock lock{mutex_};
    into = now_;
    ++asked_;
    return mood_;
  }

 private:
  void set(const std::vector<backend>& all, mood how) {
    const std::scoped_lock lock{mutex_};
    now_ = all;
    mood_ = how;
    asked_ = 0;
  }

  mutable std::mutex mutex_;
  std::vector<backend> now_;
  mood mood_ = mood::answers;
  std::uint64_t asked_ = 0;
};

/// What may be wrong with a resolver.
enum class fault : std::uint8_t {
  none,
  adds_again,
  changes_nothing,
  flaps,
  fails_as_empty,
  fails_silently,
  announces_once,
  has_no_patience,
  keeps_for_ever,
  never_done,
  done_twice,
  is_deaf,
  ends_inside,
  ends_well,
  leaves_work,
  keeps_its_sink,
  reports_when_over,
};

std::vector<resolver_sink> kept;

/// Asks the board, whichever way it is run, and tells what it learns.
class reader {
 public:
  reader(std::shared_ptr<board> of, patience how, fault wrong)
      : board_(std::move(of)), told_(wrong == fault::has_no_patience ? patience{} : how), wrong_(wrong) {}

  void begin(const resolver_sink& sink) {
    is_first_ = runs_++ == 0;
    told_.begin_run();
    has_looked_ = false;
    if (wrong_ == fault::keeps_its_sink) kept.push_back(sink);
  }

  void look(const resolver_sink& sink) {
    std::vector<backend> now;
    switch (board_->read(now)) {
      case board::mood::is_silent:
        return;
      case board::mood::fails:
        if (wrong_ != fault::fails_silently) sink.failed(errc::resolver_failed, "the board is torn");
        if (wrong_ != fault::fails_as_empty) return;
        now.clear();
        break;
      case board::mood::answers:
        break;
    }
    if (wrong_ == fault::announces_once && !is_first_) return;
    if (wrong_ == fault::keeps_for_ever)
      for (const auto& [key, where] : by_key(last_))
        if (!by_key(now).contains(key)) now.push_back(where);
    if (wrong_ == fault::flaps && now != last_ && has_looked_)
      for (const auto& [key, where] : by_key(last_))
        if (const auto still = by_key(now); still.contains(key) && still.at(key) == where) {
          sink.removed(key);
          sink.added(where);
        }
    told_.take(sink, now);
    has_looked_ = true;
    if (wrong_ == fault::adds_again)
      for (const auto& where : now) sink.added(where);
    if (wrong_ == fault::changes_nothing)
      for (const auto& where : now) sink.changed(where);
    if (wrong_ == fault::done_twice) sink.round_done();
    last_ = now;
  }

  fault wrong() const { return wrong_; }

 private:
  std::shared_ptr<board> board_;
  announcements told_;
  fault wrong_;
  std::vector<backend> last_;
  int runs_ = 0;
  bool has_looked_ = false;  ///< In this run.
  bool is_first_ = true;
};

/// Hears no round_done, for one fault; the others pass it on.
class filter final : public cueball::detail::sink_target {
 public:
  explicit filter(resolver_sink to) : to_(std::move(to)) {}
  void added(backend where) override { to_.added(std::move(where)); }
  void changed(backend where) override { to_.changed(std::move(where)); }
  void removed(std::string key) override { to_.removed(std::move(key)); }
  void failed(error_code error, std::string text) override { to_.failed(error, std::move(text)); }
  void round_done() override {}

 private:
  resolver_sink to_;
};

resolver_sink through(const resolver_sink& sink, fault wrong) {
  return wrong == fault::never_done ? resolver_sink{std::make_shared<filter>(sink)} : sink;
}

struct asks_with_a_timer {
  reader of;

  template <class Token>
  auto async_run(resolver_sink sink, Token&& token) {
    of.begin(sink);
    const auto timer =
        std::make_shared<boost::asio::steady_timer>(boost::asio::get_associated_executor(token));
    return boost::asio::async_compose<Token, void(error_code)>(
        [this, timer, begun = false, to = through(sink, of.wrong()), sink](auto& self,
                                                                           error_code = {}) mutable {
          const auto wrong = of.wrong();
          if (wrong == fault::ends_inside) return self.complete(boost::asio::error::operation_aborted);
          const bool is_cancelled =
              self.get_cancellation_state().cancelled() != boost::asio::cancellation_type::none;
          if (is_cancelled && wrong != fault::is_deaf) {
            if (wrong == fault::leaves_work) {
              const auto late = std::make_shared<boost::asio::steady_timer>(timer->get_executor(),
                                                                            std::chrono::seconds{10});
              late->async_wait([late](error_code) {});
            }
            if (wrong == fault::reports_when_over)
              boost::asio::post(timer->get_executor(),
                                [sink] { sink.failed(errc::resolver_failed, "over"); });
            return self.complete(wrong == fault::ends_well ? error_code{}
                                                           : boost::asio::error::operation_aborted);
          }
          if (std::exchange(begun, true)) of.look(to);
          timer->expires_after(std::chrono::milliseconds{1});
          timer->async_wait(std::move(self));
        },
        token, *timer);
  }
};

struct asks_in_a_thread {
  reader of;

  void run(const resolver_sink& sink, const std::stop_token& stop) {
    of.begin(sink);
    std::mutex mutex;
    std::condition_variable_any tick;
    std::unique_lock lock{mutex};
    const auto to = through(sink, of.wrong());
    const auto deaf_until = std::chrono::steady_clock::now() + std::chrono::seconds{2};
    while (!stop.stop_requested() ||
           (of.wrong() == fault::is_deaf && std::chrono::steady_clock::now() < deaf_until)) {
      of.look(to);
      tick.wait_for(lock, stop, std::chrono::milliseconds{1}, [] { return false; });
    }
  }
};

/// Looks a few times, and gives up; or at once.
struct gives_up_often {
  template <class Token>
  auto async_run(resolver_sink sink, Token&& token) {
    of.begin(sink);
    const auto timer =
        std::make_shared<boost::asio::steady_timer>(boost::asio::get_associated_executor(token));
    return boost::asio::async_compose<Token, void(error_code)>(
        [this, timer, left = looks, begun = false, to = std::move(sink)](auto& self,
                                                                         error_code = {}) mutable {
          if (self.get_cancellation_state().cancelled() != boost::asio::cancellation_type::none)
            return self.complete(boost::asio::error::operation_aborted);
          if (std::exchange(begun, true)) {
            if (left-- == 0) return self.complete(boost::asio::error::host_unreachable);
            of.look(to);
          }
          timer->expires_after(std::chrono::milliseconds{1});
          timer->async_wait(std::move(self));
        },
        token, *timer);
  }

  reader of;
  int looks = 0;
};

/// What the suite says of it, or `expected` if that is part of it; empty: nothing.
template <class Resolver>
std::string verdict(fault wrong, const resolver_terms& terms, const std::string& expected = {}) {
  const auto source = std::make_shared<board>();  // a run that does not end keeps it
  try {
    check_resolver([&] { return Resolver{{source, terms.how, wrong}}; }, *source, terms);
    return {};
  } catch (const law_broken& broken) {
    const std::string said = broken.what();
    return !expected.empty() && said.find(expected) != said.npos ? expected : said;
  }
}

}  // namespace

TEST_CASE("a resolver is held to the patience that it was told", "[resolvers]") {
  for (const patience how :
       {patience{}, {.missing = 3, .empty = 2}, {.missing = 2, .empty = 4}, {.missing = 1, .empty = 0}}) {
    CAPTURE(how.missing, how.empty);
    CHECK(verdict<asks_with_a_timer>(fault::none, {.how = how}) == "");
    CHECK(verdict<asks_in_a_thread>(fault::none, {.how = how}) == "");
  }
}

TEST_CASE("whatever is wrong with a resolver is found", "[resolvers]") {
  using std::chrono::milliseconds;
  const resolver_terms terms{
      .how = {.missing = 1, .empty = 3}, .limit = milliseconds{2000}, .stop_limit = milliseconds{1000}};
  struct expected {
    fault wrong;
    std::string sentence;
    bool only_asynchronous = false;
  };
  const std::vector<expected> all{
      {fault::adds_again, "was added, which was known"},
      {fault::changes_nothing, "was changed to what it was"},
      {fault::flaps, "differences only"},
      {fault::fails_as_empty, "a failure changes no backend"},
      {fault::fails_silently, "a failure is told, in time"},
      {fault::announces_once, "a run names all, and says so, in time"},
      {fault::has_no_patience, "and not before"},
      {fault::keeps_for_ever, "replayed, what was told is the answer"},
      {fault::never_done, "a run names all, and says so, in time"},
      {fault::done_twice, "round_done was told twice"},
      {fault::is_deaf, "in time"},
      {fault::ends_inside, "inside the call that begins it", true},
      {fault::ends_well, "says operation_aborted", true},
      {fault::leaves_work, "leaves no work on its executor", true},
      {fault::keeps_its_sink, "nobody has the sink any more", true},
      {fault::reports_when_over, "after the run was over", true},
  };
  for (const auto& [wrong, sentence, only_asynchronous] : all) {
    INFO(sentence);
    CHECK(verdict<asks_with_a_timer>(wrong, terms, sentence) == sentence);
    if (!only_asynchronous) CHECK(verdict<asks_in_a_thread>(wrong, terms, sentence) == sentence);
  }
  kept.clear();
}

TEST_CASE("the shipped resolvers that need no server are lawful", "[resolvers]") {
  CHECK_NOTHROW(check_resolver([] { return static_resolver{{"10.0.0.1", 1}, {"10.0.0.2", 1}}; }));
  manual_source source;
  CHECK_NOTHROW(check_resolver([&] { return source.resolver; }, source, {.changes = 300}));
  CHECK_NOTHROW(
      check_resolver([] { return fallback_resolver{manual_resolver{}, static_resolver{{"10.0.0.2", 1}}}; }));
  manual_source inside;
  CHECK_NOTHROW(
      check_resolver([&] { return any_resolver{fallback_resolver{inside.resolver, manual_resolver{}}}; },
                     inside, {.changes = 300}));
}

TEST_CASE("a fallback_resolver is lawful though those inside give up again and again", "[resolvers]") {
  const fallback_options soon{.delay = std::chrono::milliseconds{1},
                              .max_delay = std::chrono::milliseconds{1}};
  const auto over = [&](const std::shared_ptr<board>& source, int looks, any_resolver last) {
    return fallback_resolver{
        {any_resolver{gives_up_often{{source, {}, fault::none}, looks}}, std::move(last)}, soon};
  };
  CHECK_NOTHROW(check_resolver(
      [&] { return over(std::make_shared<board>(), 0, any_resolver{static_resolver{{"10.0.0.2", 1}}}); }));
  const auto source = std::make_shared<board>();
  CHECK_NOTHROW(check_resolver([&] { return over(source, 3, any_resolver{manual_resolver{}}); }, *source));
}

}  // namespace cueball::laws
