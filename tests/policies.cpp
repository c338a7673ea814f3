// SPDX-License-Identifier: BSL-1.0
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include <cueball/decoherence/adaptive.hpp>
#include <cueball/decoherence/jittered.hpp>
#include <cueball/decoherence/never.hpp>
#include <cueball/decoherence/periodic.hpp>
#include <cueball/observer/counting.hpp>
#include <cueball/observer/silent.hpp>
#include <cueball/policy_set.hpp>
#include <cueball/queue/fifo.hpp>
#include <cueball/queue/lifo.hpp>
#include <cueball/queue/random.hpp>
#include <cueball/queue/sticky.hpp>
#include <cueball/rebalance/even_spread.hpp>
#include <cueball/rebalance/subset.hpp>
#include <cueball/rebalance/weighted.hpp>
#include <cueball/threading/multi_threaded.hpp>
#include <cueball/threading/single_threaded.hpp>

#include <support/catch.hpp>
#include <support/poorest.hpp>

namespace {

using namespace cueball;

template <class... Policies>
inline constexpr bool all_empty = (std::is_empty_v<Policies> && ...);

using all_default = policy_set<queue::fifo, rebalance::even_spread, decoherence::periodic,
                               threading::multi_threaded, observer::silent>;

using none_default = policy_set<queue::lifo, rebalance::weighted, decoherence::jittered,
                                threading::single_threaded, observer::counting>;

}  // namespace

TEST_CASE("each policy that is not named is the default of its axis") {
  STATIC_REQUIRE(std::same_as<make_policy_set<>, all_default>);
  STATIC_REQUIRE(std::same_as<make_policy_set<queue::random>,
                              policy_set<queue::random, rebalance::even_spread, decoherence::periodic,
                                         threading::multi_threaded, observer::silent>>);
  STATIC_REQUIRE(std::same_as<make_policy_set<observer::counting, decoherence::never>,
                              policy_set<queue::fifo, rebalance::even_spread, decoherence::never,
                                         threading::multi_threaded, observer::counting>>);
}

TEST_CASE("naming a default does not change the type") {
  STATIC_REQUIRE(std::same_as<make_policy_set<queue::fifo>, all_default>);
  STATIC_REQUIRE(std::same_as<make_policy_set<rebalance::even_spread>, all_default>);
  STATIC_REQUIRE(std::same_as<make_policy_set<decoherence::periodic>, all_default>);
  STATIC_REQUIRE(std::same_as<make_policy_set<threading::multi_threaded>, all_default>);
  STATIC_REQUIRE(std::same_as<make_policy_set<observer::silent>, all_default>);
  STATIC_REQUIRE(
      std::same_as<make_policy_set<threading::multi_threaded, rebalance::even_spread>, all_default>);
  STATIC_REQUIRE(std::same_as<make_policy_set<observer::silent, threading::multi_threaded,
                                              decoherence::periodic, rebalance::even_spread, queue::fifo>,
                              all_default>);
}

TEST_CASE("the order of the policies does not change the type") {
  using q = queue::lifo;
  using r = rebalance::weighted;
  using d = decoherence::jittered;
  using t = threading::single_threaded;
  using o = observer::counting;
  STATIC_REQUIRE(std::same_as<make_policy_set<q, r, d, t, o>, none_default>);
  STATIC_REQUIRE(std::same_as<make_policy_set<r, d, t, o, q>, none_default>);
  STATIC_REQUIRE(std::same_as<make_policy_set<d, t, o, q, r>, none_default>);
  STATIC_REQUIRE(std::same_as<make_policy_set<t, o, q, r, d>, none_default>);
  STATIC_REQUIRE(std::same_as<make_policy_set<o, q, r, d, t>, none_default>);
  STATIC_REQUIRE(std::same_as<make_policy_set<o, t, d, r, q>, none_default>);
}

TEST_CASE("a policy without state takes no room") {
  STATIC_REQUIRE(all_empty<queue::fifo, queue::lifo, queue::random, queue::sticky>);
  STATIC_REQUIRE(all_empty<rebalance::even_spread, rebalance::weighted>);
  STATIC_REQUIRE(all_empty<decoherence::never>);
  STATIC_REQUIRE(all_empty<threading::single_threaded, threading::multi_threaded>);
  STATIC_REQUIRE(all_empty<observer::silent>);
}

TEST_CASE("single_threaded shares nothing, and pays for nothing") {
  using model = threading::single_threaded;
  STATIC_REQUIRE(all_empty<model::mutex, model::fast_mutex, model::parker>);
  STATIC_REQUIRE(sizeof(model::atomic<std::uint32_t>) == sizeof(std::uint32_t));
  STATIC_REQUIRE(std::is_trivially_copyable_v<model::atomic<std::uint32_t>>);
}

TEST_CASE("the shipped policies model the concept of their axis, and of no other") {
  STATIC_REQUIRE((queue_strategy<queue::fifo> && queue_strategy<queue::lifo> &&
                  queue_strategy<queue::random> && queue_strategy<queue::sticky>));
  STATIC_REQUIRE((rebalance_strategy<rebalance::even_spread> && rebalance_strategy<rebalance::weighted> &&
                  rebalance_strategy<rebalance::subset>));
  STATIC_REQUIRE((decoherence_schedule<decoherence::never> && decoherence_schedule<decoherence::periodic> &&
                  decoherence_schedule<decoherence::jittered> &&
                  decoherence_schedule<decoherence::adaptive>));
  STATIC_REQUIRE((threading_model<threading::single_threaded> && threading_model<threading::multi_threaded>));
  STATIC_REQUIRE((pool_observer<observer::silent> && pool_observer<observer::counting>));

  STATIC_REQUIRE_FALSE((rebalance_strategy<queue::fifo> || decoherence_schedule<queue::fifo> ||
                        threading_model<queue::fifo> || pool_observer<queue::fifo>));
  STATIC_REQUIRE_FALSE((queue_strategy<rebalance::weighted> || queue_strategy<decoherence::never> ||
                        queue_strategy<threading::multi_threaded> || queue_strategy<observer::silent>));
}

TEST_CASE("what is no policy models no concept") {
  struct nothing {};
  STATIC_REQUIRE_FALSE((queue_strategy<int> || rebalance_strategy<int> || decoherence_schedule<int> ||
                        threading_model<int> || pool_observer<int>));
  STATIC_REQUIRE_FALSE((queue_strategy<nothing> || rebalance_strategy<nothing> ||
                        decoherence_schedule<nothing> || threading_model<nothing> || pool_observer<nothing>));
}

TEST_CASE("the poorest policy of each axis is enough for a set") {
  STATIC_REQUIRE(std::same_as<make_policy_set<poorest_observer, poorest_threading, poorest_decoherence,
                                              poorest_rebalance, poorest_queue>,
                              policy_set<poorest_queue, poorest_rebalance, poorest_decoherence,
                                         poorest_threading, poorest_observer>>);
}

// The near misses: the poorest policy with one thing taken away or bent.

namespace {

template <class Object>
struct queue_made_of {
  using category = queue_policy;
  static constexpr std::string_view name = "near miss";
  template <class>
  using queue = Object;
};

using good = poorest_queue::queue<archetype::slot>;

struct unconstructible : good {};

struct pushes_perhaps : good {
  using good::good;
  void push(archetype::slot) {}
};

struct pops_a_bare_slot : good {
  using good::good;
  archetype::slot pop() noexcept { return {}; }
};

struct pops_perhaps : good {
  using good::good;
  std::optional<archetype::slot> pop() { return {}; }
};

struct removes_perhaps : good {
  using good::good;
  void remove(archetype::slot) {}
};

struct sizes_by_change : good {
  using good::good;
  std::size_t size() noexcept { return 0; }
};

struct shuffles_in_one_go : good {
  using good::good;
  bool shuffle(random_source&) noexcept { return true; }
};

struct shuffles_without_end : good {
  using good::good;
  void shuffle(random_source&, std::size_t) noexcept {}
};

struct nameless_queue : queue_made_of<good> {
  static constexpr int name = 1;
};

struct queue_of_another_axis : queue_made_of<good> {
  using category = observer_policy;
};

}  // namespace

TEST_CASE("a near miss of the queue concept is refused") {
  STATIC_REQUIRE(queue_strategy<poorest_queue>);
  STATIC_REQUIRE(queue_strategy<queue_made_of<good>>);
  STATIC_REQUIRE_FALSE(queue_strategy<queue_made_of<unconstructible>>);
  STATIC_REQUIRE_FALSE(queue_strategy<queue_made_of<pushes_perhaps>>);
  STATIC_REQUIRE_FALSE(queue_strategy<queue_made_of<pops_a_bare_slot>>);
  STATIC_REQUIRE_FALSE(queue_strategy<queue_made_of<pops_perhaps>>);
  STATIC_REQUIRE_FALSE(queue_strategy<queue_made_of<removes_perhaps>>);
  STATIC_REQUIRE_FALSE(queue_strategy<queue_made_of<sizes_by_change>>);
  STATIC_REQUIRE_FALSE(queue_strategy<queue_made_of<shuffles_in_one_go>>);
  STATIC_REQUIRE_FALSE(queue_strategy<queue_made_of<shuffles_without_end>>);
  STATIC_REQUIRE_FALSE(queue_strategy<nameless_queue>);
  STATIC_REQUIRE_FALSE(queue_strategy<queue_of_another_axis>);
}

namespace {

using counts = std::vector<std::uint32_t>;
using loads = std::span<const backend_load>;

struct plans_by_change : poorest_rebalance {
  counts plan(loads, std::uint32_t, random_source&) { return {}; }
};

struct plans_in_place : poorest_rebalance {
  counts plan(std::span<backend_load>, std::uint32_t, random_source&) const { return {}; }
};

struct plans_signed : poorest_rebalance {
  std::vector<int> plan(loads, std::uint32_t, random_source&) const { return {}; }
};

struct plans_without_target : poorest_rebalance {
  counts plan(loads, random_source&) const { return {}; }
};

struct unique_plan : poorest_rebalance {
  unique_plan(unique_plan&&) = default;
};

}  // namespace

TEST_CASE("a near miss of the rebalance concept is refused") {
  STATIC_REQUIRE(rebalance_strategy<poorest_rebalance>);
  STATIC_REQUIRE_FALSE(rebalance_strategy<plans_by_change>);
  STATIC_REQUIRE_FALSE(rebalance_strategy<plans_in_place>);
  STATIC_REQUIRE_FALSE(rebalance_strategy<plans_signed>);
  STATIC_REQUIRE_FALSE(rebalance_strategy<plans_without_target>);
  STATIC_REQUIRE_FALSE(rebalance_strategy<unique_plan>);
}

namespace {

struct schedules_perhaps : poorest_decoherence {
  decoherence_step next(time_point, const coherence&, random_source&) const { return {}; }
};

struct schedules_by_change : poorest_decoherence {
  decoherence_step next(time_point, const coherence&, random_source&) noexcept { return {}; }
};

struct schedules_a_time_alone : poorest_decoherence {
  time_point next(time_point now, const coherence&, random_source&) const noexcept { return now; }
};

}  // namespace

TEST_CASE("a schedule may remember") {
  STATIC_REQUIRE(decoherence_schedule<schedules_by_change>);
}

TEST_CASE("only a strategy that says so uses preferences") {
  struct says_perhaps : poorest_rebalance {
    bool uses_preferences() const { return true; }
  };
  struct says_it_by_change : poorest_rebalance {
    bool uses_preferences() noexcept { return true; }
  };
  STATIC_REQUIRE(preferring_strategy<rebalance::subset>);
  STATIC_REQUIRE(rebalance::subset{}.uses_preferences());
  STATIC_REQUIRE_FALSE(rebalance::subset{.place = rebalance::fleet_place{}}.uses_preferences());
  STATIC_REQUIRE_FALSE((preferring_strategy<rebalance::even_spread> || preferring_strategy<says_perhaps> ||
                        preferring_strategy<says_it_by_change>));
  // And one that says so in another way is none at all.
  STATIC_REQUIRE_FALSE((rebalance_strategy<says_perhaps> || rebalance_strategy<says_it_by_change>));
}

TEST_CASE("the identity of a key is the same on every platform") {
  STATIC_REQUIRE(identity_of("") != identity_of("10.0.0.1:80"));
  CHECK(identity_of("10.0.0.1:80") == 10279332660242451254ULL);
}

TEST_CASE("a near miss of the decoherence concept is refused") {
  STATIC_REQUIRE(decoherence_schedule<poorest_decoherence>);
  STATIC_REQUIRE_FALSE(decoherence_schedule<schedules_perhaps>);
  STATIC_REQUIRE_FALSE(decoherence_schedule<schedules_a_time_alone>);
}

namespace {

struct perhaps_blocks : poorest_threading {
  bool blocks = false;
};

struct cannot_say_if_concurrent : poorest_threading {
  static constexpr int concurrent = 1;
};

struct word_that_throws : poorest_threading {
  template <class Word>
  struct atomic {
    Word load() const { return {}; }
    void store(Word) noexcept {}
  };
};

struct unlocks_perhaps : poorest_threading {
  struct mutex {
    void lock() {}
    void unlock() {}
  };
  struct fast_mutex : mutex {
    explicit fast_mutex(mutex&) {}
  };
};

struct fast_mutex_of_its_own : poorest_threading {
  using fast_mutex = poorest_threading::mutex;
};

struct parks_for_ever : poorest_threading {
  struct parker {
    void park() {}
    void unpark() noexcept {}
  };
};

struct unparks_perhaps : poorest_threading {
  struct parker {
    bool park_until(time_point) { return true; }
    void unpark() {}
  };
};

struct reads_the_wall_clock : poorest_threading {
  using clock = std::chrono::system_clock;
};

}  // namespace

TEST_CASE("a near miss of the threading concept is refused") {
  STATIC_REQUIRE(threading_model<poorest_threading>);
  STATIC_REQUIRE_FALSE(threading_model<perhaps_blocks>);
  STATIC_REQUIRE_FALSE(threading_model<cannot_say_if_concurrent>);
  STATIC_REQUIRE_FALSE(threading_model<word_that_throws>);
  STATIC_REQUIRE_FALSE(threading_model<unlocks_perhaps>);
  STATIC_REQUIRE_FALSE(threading_model<fast_mutex_of_its_own>);
  STATIC_REQUIRE_FALSE(threading_model<parks_for_ever>);
  STATIC_REQUIRE_FALSE(threading_model<unparks_perhaps>);
  STATIC_REQUIRE_FALSE(threading_model<reads_the_wall_clock>);
}

namespace {

struct deaf_to_one : poorest_observer {
  using poorest_observer::on;
  void on(const shuffled_event&) noexcept = delete;
};

struct throws_at_one : poorest_observer {
  using poorest_observer::on;
  void on(const closed_event&) {}
};

struct changes_one : poorest_observer {
  using poorest_observer::on;
  void on(const state_changed_event&) noexcept = delete;
  void on(state_changed_event&) noexcept {}
};

}  // namespace

TEST_CASE("a near miss of the observer concept is refused") {
  STATIC_REQUIRE(pool_observer<poorest_observer>);
  STATIC_REQUIRE_FALSE(pool_observer<deaf_to_one>);
  STATIC_REQUIRE_FALSE(pool_observer<throws_at_one>);
  STATIC_REQUIRE_FALSE(pool_observer<changes_one>);
}

TEST_CASE("only an observer that says so ignores everything") {
  STATIC_REQUIRE(ignores_everything<observer::silent>);
  STATIC_REQUIRE_FALSE(ignores_everything<observer::counting>);
  STATIC_REQUIRE_FALSE(ignores_everything<poorest_observer>);
}
