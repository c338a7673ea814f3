// SPDX-License-Identifier: BSL-1.0
/// \file
/// All interleavings of a few short operations on the pool that ships.
#include <cstdio>
#include <string>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <cueball/queue/lifo.hpp>
#include <cueball/queue/random.hpp>
#include <cueball/queue/sticky.hpp>

#include "explorer/world.hpp"
#include "support/catch.hpp"

using namespace explorer;
using namespace std::chrono_literals;
using cueball::errc;
using cueball::error_code;
using cueball::no_limit;

namespace {

/// Explores, and says how much that was. With two preemptions, where the environment does not say otherwise;
/// some would take hours with two.
void every_interleaving_of(std::string name, std::function<void()> body, std::uint32_t preemptions = 2) {
  const auto all = scheduler::get().explore(name, std::move(body), preemptions);
  std::fprintf(stderr, "%-60s %8llu interleavings, %7.0f a second, at most %zu choices, %u preemptions\n",
               name.c_str(), static_cast<unsigned long long>(all.interleavings),
               static_cast<double>(all.interleavings) / all.seconds, all.longest, all.preemptions);
  if (!all.failure.empty()) FAIL(all.failure);
  SUCCEED();
}

/// Of four threads, or three and a deadline, each of which has many steps where there is no lock.
template <class Model>
constexpr std::uint32_t preemptions_of_many = cueball::shares_front<Model> ? 1 : 2;

template <class Model>
const std::string in = cueball::shares_front<Model> ? ", lock-free" : "";

/// A claim that has to be granted; the lease ends at once.
template <class World>
void claim_and_release(World& here) {
  error_code error;
  const auto claimed = here.pool->claim(no_limit, error);
  here.all.check(claimed && !error, "a claim without a deadline is granted");
}

template <class Observed>
void claim_beside_release() {
  Observed here;
  here.fill();
  auto held = here.take();
  here.go({{"claimer", [&] { claim_and_release(here); }}, {"releaser", [&] { held.release(); }}});
  here.settle();
  here.check_whole(0);
}

}  // namespace

TEST_CASE("claim || release") {
  every_interleaving_of("claim || release", claim_beside_release<world<explored>>);
  every_interleaving_of("claim || release, observed", claim_beside_release<world<explored, witness>>);
  every_interleaving_of("claim || release, a choice at each access to the gate",
                        claim_beside_release<world<basic_explored<parker, shared_word>>>);
  every_interleaving_of("claim || release, lock-free", claim_beside_release<world<lock_free_explored>>);
  every_interleaving_of("claim || release, lock-free, observed",
                        claim_beside_release<world<lock_free_explored, witness>>);
  every_interleaving_of("claim || release, lock-free lifo",
                        claim_beside_release<world<lock_free_explored, cueball::queue::lifo>>);
  every_interleaving_of("claim || release, lock-free random",
                        claim_beside_release<world<lock_free_explored, cueball::queue::random>>);
  every_interleaving_of("claim || release, lock-free sticky",
                        claim_beside_release<world<lock_free_explored, cueball::queue::sticky>>);
}

TEMPLATE_TEST_CASE("claim with deadline || release", "", explored, lock_free_explored) {
  every_interleaving_of("claim with deadline || release" + in<TestType>, [] {
    world<TestType> here;
    here.fill();
    auto held = here.take();
    const auto until = here.all.now() + 1ms;
    here.go({{"claimer",
              [&] {
                error_code error;
                const auto claimed = here.pool->claim(until, error);
                const bool in_time = claimed && !error;
                const bool late = !claimed && error == errc::claim_timeout && here.all.now() >= until;
                here.all.check(in_time || late, "R9: a claim is granted, or fails at its deadline");
              }},
             {"releaser", [&] { held.release(); }}},
            1ms);
    here.settle();
    here.check_whole(0);
  });
}

TEMPLATE_TEST_CASE("claim with deadline || claim || release", "", explored, lock_free_explored) {
  every_interleaving_of(
      "claim with deadline || claim || release" + in<TestType>,
      [] {
        world<TestType> here;
        here.fill();
        auto held = here.take();
        here.go({{"hasty",
                  [&] {
                    error_code error;
                    const auto claimed = here.pool->claim(1ms, error);
                    here.all.check(claimed ? !error : error == errc::claim_timeout,
                                   "R9: granted, or too late");
                  }},
                 {"patient", [&] { claim_and_release(here); }},
                 {"releaser", [&] { held.release(); }}},
                1ms);
        here.settle();
        here.check_whole(0);
      },
      preemptions_of_many<TestType>);
}

TEMPLATE_TEST_CASE("claim || claim || release", "", explored, lock_free_explored) {
  every_interleaving_of("claim || claim || release" + in<TestType>, [] {
    world<TestType> here;
    here.fill();
    auto held = here.take();
    const auto claim = [&] {
      here.begin_claim();
      error_code error;
      const auto claimed = here.pool->claim(no_limit, error);
      here.all.check(claimed && !error, "a claim without a deadline is granted");
      here.served();
    };
    here.go({{"first", claim}, {"second", claim}, {"releaser", [&] { held.release(); }}});
    here.settle();
    here.check_whole(0);
  });
}

TEMPLATE_TEST_CASE("async_claim || claim || release", "", explored, lock_free_explored) {
  every_interleaving_of(
      "async_claim || claim || release" + in<TestType>,
      [] {
        world<TestType> here{1, {1}, 2};
        here.fill();
        auto held = here.take();
        int called = 0;
        here.go({{"initiator",
                  [&] {
                    here.pool->async_claim(
                        no_limit, [&](error_code error, typename world<TestType>::lease claimed) {
                          here.all.check(claimed && !error, "a claim without a deadline is granted");
                          ++called;
                        });
                  }},
                 {"claimer", [&] { claim_and_release(here); }},
                 {"releaser", [&] { held.release(); }}});
        here.all.check(called == 1, "a completion handler is called once");
        here.settle();
        here.check_whole(0);
      },
      preemptions_of_many<TestType>);
}

TEMPLATE_TEST_CASE("try_claim || release || claim", "", explored, lock_free_explored) {
  every_interleaving_of("try_claim || release || claim" + in<TestType>, [] {
    world<TestType> here;
    here.fill();
    auto held = here.take();
    here.go({{"trier",
              [&] {
                error_code why;
                const auto claimed = here.pool->try_claim(why);
                here.all.check(claimed ? !why : why == errc::none_idle, "try_claim says why it has nothing");
              }},
             {"releaser", [&] { held.release(); }},
             {"claimer", [&] { claim_and_release(here); }}});
    here.settle();
    here.check_whole(0);
  });
}

TEMPLATE_TEST_CASE("discard || claim", "", explored, lock_free_explored) {
  every_interleaving_of("discard || claim" + in<TestType>, [] {
    world<TestType, witness> here;
    here.fill();
    here.take().release();  // it was of use: what is discarded at its first use counts as a failed attempt
    auto held = here.take();
    here.go({{"discarder", [&] { held.discard(); }}, {"claimer", [&] { claim_and_release(here); }}});
    here.settle();
    here.check_whole(0);
  });
}

TEMPLATE_TEST_CASE("detach || claim", "", explored, lock_free_explored) {
  every_interleaving_of("detach || claim" + in<TestType>, [] {
    world<TestType, witness> here;
    here.fill();
    auto held = here.take();
    here.go({{"detacher", [&] { (void)held.detach(); }}, {"claimer", [&] { claim_and_release(here); }}});
    here.settle();
    here.check_whole(0);
  });
}

TEMPLATE_TEST_CASE("release of a broken connection || claim", "", explored, lock_free_explored) {
  every_interleaving_of("release of a broken connection || claim" + in<TestType>, [] {
    world<TestType, witness> here;
    here.fill();
    auto held = here.take();
    held->close();
    here.go({{"releaser", [&] { held.release(); }}, {"claimer", [&] { claim_and_release(here); }}}, 1s);
    here.settle();
    here.check_whole(0);
  });
}

TEMPLATE_TEST_CASE("release || release || claim || claim", "", explored, lock_free_explored) {
  every_interleaving_of(
      "release || release || claim || claim" + in<TestType>,
      [] {
        world<TestType> here{2};
        here.fill();
        auto one = here.take();
        auto two = here.take();
        const auto claim = [&] { claim_and_release(here); };
        here.go({{"first", claim},
                 {"second", claim},
                 {"releaser of one", [&] { one.release(); }},
                 {"releaser of two", [&] { two.release(); }}});
        here.settle();
        here.check_whole(0);
      },
      preemptions_of_many<TestType>);
}

TEMPLATE_TEST_CASE("claim || the first connection", "", explored, lock_free_explored) {
  every_interleaving_of("claim || the first connection" + in<TestType>, [] {
    world<TestType, witness> here;
    here.go({{"claimer", [&] { claim_and_release(here); }},
             {"waiter", [&] { here.pool->wait_ready(1, no_limit); }}},
            2ms);
    here.settle();
    here.check_whole(0);
  });
}

TEMPLATE_TEST_CASE("claim || stop", "", explored, lock_free_explored) {
  every_interleaving_of("claim || stop" + in<TestType>, [] {
    world<TestType, witness> here;
    here.fill();
    here.go({{"claimer",
              [&] {
                error_code error;
                const auto claimed = here.pool->claim(no_limit, error);
                here.all.check(claimed ? !error : error == errc::stopped, "granted, or stopped");
              }},
             {"stopper", [&] {
                here.all.check(here.pool->stop(no_limit) == 0,
                               "R15: a stop without a deadline leaves nothing");
              }}});
    here.check_nothing_left();
  });
}

TEMPLATE_TEST_CASE("claim || stop || release", "", explored, lock_free_explored) {
  every_interleaving_of("claim || stop || release" + in<TestType>, [] {
    world<TestType> here;
    here.fill();
    auto held = here.take();
    here.go({{"claimer",
              [&] {
                error_code error;
                const auto claimed = here.pool->claim(no_limit, error);
                here.all.check(claimed ? !error : error == errc::stopped, "granted, or stopped");
              }},
             {"stopper", [&] { here.pool->request_stop(); }},
             {"releaser", [&] { held.release(); }}});
    here.check_nothing_left();
  });
}

TEMPLATE_TEST_CASE("cancel || grant, of a thread that waits", "", explored, lock_free_explored) {
  every_interleaving_of("cancel || grant, of a thread that waits" + in<TestType>, [] {
    world<TestType> here;
    here.fill();
    auto held = here.take();
    stopper stop;
    here.go({{"claimer",
              [&] {
                here.all.set_gate(stop.gate());
                error_code error;
                const auto claimed = here.pool->claim(no_limit, stop.token(), error);
                here.all.set_gate(nullptr);
                here.all.check(claimed ? !error : error == asio::error::operation_aborted,
                               "granted, or cancelled");
              }},
             {"canceller", [&] { stop.request(); }},
             {"releaser", [&] { held.release(); }}});
    here.settle();
    here.check_whole(0);
  });
}

TEMPLATE_TEST_CASE("cancel || grant || deadline, of a thread that waits", "", explored, lock_free_explored) {
  every_interleaving_of(
      "cancel || grant || deadline, of a thread that waits" + in<TestType>,
      [] {
        world<TestType> here;
        here.fill();
        auto held = here.take();
        stopper stop;
        here.go({{"claimer",
                  [&] {
                    here.all.set_gate(stop.gate());
                    error_code error;
                    const auto claimed = here.pool->claim(1ms, stop.token(), error);
                    here.all.set_gate(nullptr);
                    here.all.check(
                        claimed ? !error
                                : error == asio::error::operation_aborted || error == errc::claim_timeout,
                        "granted, cancelled, or too late");
                  }},
                 {"canceller", [&] { stop.request(); }},
                 {"releaser", [&] { held.release(); }}},
                1ms);
        here.settle();
        here.check_whole(0);
      },
      preemptions_of_many<TestType>);
}

TEMPLATE_TEST_CASE("cancel || grant, of an async_claim", "", explored, lock_free_explored) {
  every_interleaving_of("cancel || grant, of an async_claim" + in<TestType>, [] {
    world<TestType> here;
    here.fill();
    auto held = here.take();
    asio::cancellation_signal signal;
    int called = 0;
    here.go({{"initiator",
              [&] {
                here.pool->async_claim(
                    1ms, asio::bind_cancellation_slot(
                             signal.slot(), [&](error_code error, typename world<TestType>::lease claimed) {
                               here.all.check(claimed ? !error
                                                      : error == asio::error::operation_aborted ||
                                                            error == errc::claim_timeout,
                                              "granted, cancelled, or too late");
                               ++called;
                             }));
                // A signal is emitted where the handler runs, and not twice at the same time.
                asio::post(here.context, [&] { signal.emit(asio::cancellation_type::all); });
              }},
             {"releaser", [&] { held.release(); }}},
            1ms);
    here.all.check(called == 1, "a completion handler is called once");
    here.settle();
    here.check_whole(0);
  });
}

TEMPLATE_TEST_CASE("async_claim || async_claim with a sooner deadline", "", explored, lock_free_explored) {
  every_interleaving_of("async_claim || async_claim with a sooner deadline" + in<TestType>, [] {
    world<TestType> here;
    here.fill();
    const auto held = here.take();
    int late = 0;
    int soon = 0;
    const auto claim = [&](duration until, int& called) {
      here.pool->async_claim(until, [&](error_code error, typename world<TestType>::lease claimed) {
        here.all.check(!claimed && error == errc::claim_timeout, "R9: a claim fails at its deadline");
        ++called;
      });
    };
    here.go({{"late", [&] { claim(1s, late); }}, {"soon", [&] { claim(1ms, soon); }}}, 1ms);
    here.settle();
    here.all.check(soon == 1 && late == 0, "R9: a claim fails at its deadline");
    here.all.pass(1s);
    here.all.check(soon == 1 && late == 1, "R9: a claim fails at its deadline");
    here.check_whole(1);
  });
}

namespace {

template <class World>
void removal_beside_release(bool is_claimed) {
  World here{1, {1, 2}};
  here.fill();
  auto held = here.take();
  const auto port = held.backend().port;
  std::vector<thread> threads{{"releaser", [&] { held.release(); }},
                              {"resolver", [&] { here.names.remove(port); }}};
  if (is_claimed) threads.push_back({"claimer", [&] { claim_and_release(here); }});
  here.go(std::move(threads), 2ms);
  here.settle();
  here.check_whole(0);
  here.all.check(here.take().backend().port != port, "R4: a removed backend's connection is handed out");
}

template <class World>
void end_beside_release() {
  World here{2};
  here.fill();
  auto held = here.take();
  here.go({{"destroyer", [&] { here.pool.reset(); }}, {"releaser", [&] { held.release(); }}});
  here.check_nothing_left();
}

}  // namespace

TEST_CASE("release || backend removed || claim") {
  every_interleaving_of("release || backend removed || claim",
                        [] { removal_beside_release<world<explored, witness>>(true); });
  every_interleaving_of("release || backend removed, lock-free",
                        [] { removal_beside_release<world<lock_free_explored>>(false); });
  every_interleaving_of(
      "release || backend removed || claim, lock-free",
      [] { removal_beside_release<world<lock_free_explored, witness>>(true); }, 1);
  every_interleaving_of(
      "release || backend removed || claim, lock-free lifo",
      [] { removal_beside_release<world<lock_free_explored, cueball::queue::lifo>>(true); }, 1);
}

TEST_CASE("the pool's destructor || release") {
  every_interleaving_of("the pool's destructor || release", end_beside_release<world<explored, witness>>);
  every_interleaving_of("the pool's destructor || release, lock-free",
                        end_beside_release<world<lock_free_explored>>);
  every_interleaving_of("the pool's destructor || release, lock-free, observed",
                        end_beside_release<world<lock_free_explored, witness>>);
  every_interleaving_of("the pool's destructor || release, lock-free lifo",
                        end_beside_release<world<lock_free_explored, cueball::queue::lifo>>, 3);
}

TEMPLATE_TEST_CASE("the pool's destructor || the first connection", "", explored, lock_free_explored) {
  every_interleaving_of("the pool's destructor || the first connection" + in<TestType>, [] {
    world<TestType, witness> here;
    here.pool->async_claim(no_limit, [&](error_code error, typename world<TestType, witness>::lease claimed) {
      here.all.check(claimed ? !error : error == errc::stopped, "granted, or stopped");
    });
    here.go({{"destroyer", [&] { here.pool.reset(); }}}, 2ms);
    here.check_nothing_left();
  });
}

TEMPLATE_TEST_CASE("claim || release || shuffle", "", explored, lock_free_explored) {
  every_interleaving_of(
      "claim || release || shuffle" + in<TestType>,
      [] {
        shuffled_world<TestType> here{2};
        here.fill();
        auto held = here.take();
        here.go({{"claimer", [&] { claim_and_release(here); }}, {"releaser", [&] { held.release(); }}}, 1ms);
        here.settle();
        here.check_whole(0);
      },
      preemptions_of_many<TestType>);
}
