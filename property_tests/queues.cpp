// SPDX-License-Identifier: BSL-1.0
/// \file
/// The laws of the shipped queues: nothing is lost, the order is what the name says, a shuffle is fair.

#include <algorithm>
#include <vector>

#include <cueball/core/slot.hpp>
#include <cueball/queue/fifo.hpp>
#include <cueball/queue/lifo.hpp>
#include <cueball/queue/random.hpp>

#include <support/chi_squared.hpp>
#include <support/holds.hpp>

namespace cueball::property {

namespace {

using handle = core::slot_handle;

std::vector<core::slot_base> make_slots(std::uint32_t count) {
  std::vector<core::slot_base> slots(count);
  for (std::uint32_t i = 0; i < count; ++i) slots[i].index = i;
  return slots;
}

/// Pushes, pops, removals and steps of shuffles in any order, against a plain vector.
template <class Policy>
void check_against_model() {
  const auto capacity = *rc::gen::inRange<std::uint32_t>(1, 9);
  const auto ops = *rc::gen::scale(4.0, rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 100)));
  const auto with_shuffle = *rc::gen::arbitrary<bool>();
  auto slots = make_slots(capacity);
  typename Policy::template queue<handle> queue{Policy{}, capacity, random_source{7}};
  random_source random{3};
  std::vector<std::uint32_t> model;  // in the order of pushing
  std::vector<std::uint32_t> free;
  for (std::uint32_t i = 0; i < capacity; ++i) free.push_back(i);
  const auto take = [&](std::uint32_t index) {
    const auto found = std::find(model.begin(), model.end(), index);
    RC_ASSERT(found != model.end());
    if (!with_shuffle && std::is_same_v<Policy, queue::fifo>) RC_ASSERT(found == model.begin());
    if (!with_shuffle && std::is_same_v<Policy, queue::lifo>) RC_ASSERT(found == model.end() - 1);
    model.erase(found);
    free.push_back(index);
  };
  for (const auto op : ops) {
    const auto pick = static_cast<std::size_t>(op / 4);
    if (op % 4 <= 1 && !free.empty()) {
      const auto index = free[pick % free.size()];
      free.erase(std::find(free.begin(), free.end(), index));
      queue.push(handle{slots[index]});
      model.push_back(index);
    } else if (op % 4 == 2) {
      const auto popped = queue.pop();
      RC_ASSERT(popped.has_value() == !model.empty());
      if (popped) take(popped->index());
    } else if (op % 8 == 3 && !model.empty()) {
      const auto index = model[pick % model.size()];
      queue.remove(handle{slots[index]});
      model.erase(std::find(model.begin(), model.end(), index));
      free.push_back(index);
    } else if (with_shuffle) {
      queue.shuffle(random, pick % 4);
    }
    RC_ASSERT(queue.size() == model.size());
  }
  while (const auto popped = queue.pop()) take(popped->index());
  RC_ASSERT(model.empty());
}

/// The number of the order among all orders of its elements.
std::size_t rank_of(const std::vector<std::uint32_t>& order) {
  std::size_t rank = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    std::size_t smaller = 0;
    for (auto j = i + 1; j < order.size(); ++j) smaller += order[j] < order[i];
    rank = rank * (order.size() - i) + smaller;
  }
  return rank;
}

std::size_t factorial(std::size_t n) {
  return n < 2 ? 1 : n * factorial(n - 1);
}

template <class Queue>
std::vector<std::uint32_t> drain(Queue& queue) {
  std::vector<std::uint32_t> order;
  while (const auto popped = queue.pop()) order.push_back(popped->index());
  return order;
}

template <class Policy>
void check_shuffle(std::uint32_t size) {
  std::vector<std::uint64_t> counts(factorial(size));
  for (std::uint64_t seed = 0; seed < 300 * counts.size(); ++seed) {
    auto slots = make_slots(size);
    typename Policy::template queue<handle> queue{Policy{}, size, random_source{seed}};
    for (auto& slot : slots) queue.push(handle{slot});
    random_source random{seed};
    while (!queue.shuffle(random, 1 + seed % 3)) {
    }
    ++counts[rank_of(drain(queue))];
  }
  CHECK(looks_uniform(counts));
}

/// Between the steps of the shuffle one is claimed, one is taken out, the claimed one comes back. The order
/// of the rest, by rank, is as fair.
template <class Policy>
void check_interrupted_shuffle() {
  constexpr std::uint32_t size = 6;
  std::vector<std::uint64_t> counts(factorial(size - 2));
  for (std::uint64_t seed = 0; seed < 20000; ++seed) {
    auto slots = make_slots(size);
    typename Policy::template queue<handle> queue{Policy{}, size, random_source{seed}};
    for (auto& slot : slots) queue.push(handle{slot});
    random_source random{seed};
    queue.shuffle(random, seed % 4);
    const auto claimed = queue.pop();
    queue.shuffle(random, seed % 2);
    const auto victim = claimed->index() == 0 ? 1U : 0U;
    queue.remove(handle{slots[victim]});
    queue.shuffle(random, seed % 3);
    queue.push(*claimed);
    while (!queue.shuffle(random, 2)) {
    }
    auto order = drain(queue);
    REQUIRE(order.size() == size - 1);
    std::erase(order, claimed->index());
    ++counts[rank_of(order)];
  }
  CHECK(looks_uniform(counts));
}

}  // namespace

TEST_CASE("a queue loses nothing, gives nothing twice, and keeps its order") {
  holds("fifo", check_against_model<queue::fifo>);
  holds("lifo", check_against_model<queue::lifo>);
  holds("random", check_against_model<queue::random>);
}

TEST_CASE("a shuffle is uniform over all orders") {
  for (const auto size : {2U, 3U, 4U, 5U}) {
    check_shuffle<queue::fifo>(size);
    check_shuffle<queue::lifo>(size);
  }
}

TEST_CASE("a shuffle is uniform over all orders of what was idle throughout it") {
  check_interrupted_shuffle<queue::fifo>();
  check_interrupted_shuffle<queue::lifo>();
}

TEST_CASE("queue::random hands out each idle connection with the same probability") {
  constexpr std::uint32_t size = 7;
  auto slots = make_slots(size);
  queue::random::queue<handle> queue{{}, size, random_source{1}};
  for (auto& slot : slots) queue.push(handle{slot});
  std::vector<std::uint64_t> counts(size * size);
  std::uint32_t last = 0;
  for (int i = 0; i < 200000; ++i) {
    const auto popped = queue.pop();
    ++counts[last * size + popped->index()];  // pairs, so that the next does not depend on the last one
    last = popped->index();
    queue.push(*popped);
  }
  CHECK(looks_uniform(counts));
}

}  // namespace cueball::property
