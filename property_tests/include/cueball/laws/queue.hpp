// SPDX-License-Identifier: BSL-1.0
/// \file
/// The laws of a queue.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <cueball/core/slot.hpp>
#include <cueball/laws/chi_squared.hpp>
#include <cueball/laws/concurrent_queue.hpp>
#include <cueball/laws/law.hpp>
#include <cueball/laws/uniform_pops.hpp>
#include <cueball/queue_policy.hpp>

namespace cueball::laws {

namespace detail {

using handle = core::slot_handle;

/// A queue beside a plain vector that knows what must be in it.
template <class Policy>
class modelled_queue {
 public:
  modelled_queue(const Policy& policy, std::uint32_t capacity, std::uint32_t backends, std::uint64_t seed)
      : slots_(capacity), queue_{policy, capacity, random_source{seed}}, random_{seed + 1} {
    for (std::uint32_t i = 0; i < capacity; ++i) {
      slots_[i].index = i;
      slots_[i].backend = i % backends;
      out_.push_back(i);
    }
    if constexpr (requires { queue_.make_room(0U); })
      for (const auto count : {backends, backends / 2 + 1, backends}) queue_.make_room(count);
    loads_.resize(backends);
  }

  bool is_full() const { return out_.empty(); }
  const std::vector<std::uint32_t>& held() const { return held_; }

  /// One of those that are not in it.
  void push(std::size_t which) {
    const auto index = out_[which % out_.size()];
    std::erase(out_, index);
    if (std::erase(claimed_, index) > 0) {
      --loads_[slots_[index].backend];
      if constexpr (requires { queue_.ended(handle{}); }) queue_.ended(handle{slots_[index]});
    }
    queue_.push(handle{slots_[index]});
    held_.push_back(index);
    check_size();
  }

  /// The index of the slot that came out.
  std::optional<std::uint32_t> pop() {
    const auto popped = queue_.pop();
    demand(popped.has_value() == !held_.empty(),
           popped ? "an empty queue gives nothing" : "a queue that holds something gives it");
    if (!popped) return std::nullopt;
    const auto index = popped->index();
    const auto found = std::find(held_.begin(), held_.end(), index);
    demand(found != held_.end(), "what comes out was put in, and comes out once");
    if (!shuffled_ && order_of<Policy> == queue_order::first_in_first_out)
      demand(found == held_.begin(), "first in, first out");
    if (!shuffled_ && order_of<Policy> == queue_order::last_in_first_out)
      demand(found == held_.end() - 1, "last in, first out");
    held_.erase(found);
    out_.push_back(index);
    check_size();
    check_backend(slots_[index].backend);
    claimed_.push_back(index);
    ++loads_[slots_[index].backend];
    if constexpr (requires { queue_.claimed(handle{}); }) queue_.claimed(handle{slots_[index]});
    return index;
  }

  void remove(std::size_t which) {
    const auto index = held_[which % held_.size()];
    queue_.remove(handle{slots_[index]});
    std::erase(held_, index);
    out_.push_back(index);
    check_size();
  }

  bool shuffle(std::size_t steps) {
    shuffled_ = true;
    const bool done = queue_.shuffle(random_, steps);
    check_size();
    return done;
  }

  /// To its end, within as many calls as it may take.
  void shuffle_all(std::size_t steps) {
    for (std::size_t left = 10 * (slots_.size() + 1); !shuffle(steps); --left)
      demand(left > 0, "a shuffle ends");
  }

  /// What `visit` shows is what comes out, if nothing happens in between.
  void check_visit() {
    if constexpr (requires { queue_.visit([](handle) { return true; }); }) {
      std::vector<std::uint32_t> seen;
      queue_.visit([&](handle slot) {
        seen.push_back(slot.index());
        return true;
      });
      demand_equal(seen.size(), held_.size(), "visit shows every slot once");
      std::uint32_t calls = 0;
      queue_.visit([&](handle) {
        ++calls;
        return false;
      });
      demand(calls <= 1, "visit ends when it is told to");
      std::vector<std::uint32_t> out;
      while (const auto index = pop()) out.push_back(*index);
      demand(seen == out, "visit shows the order of claiming");
    }
  }

  std::vector<std::uint32_t> drain() {
    std::vector<std::uint32_t> order;
    while (const auto index = pop()) order.push_back(*index);
    return order;
  }

 private:
  /// That came out, while the others still lie idle.
  void check_backend(std::uint32_t chosen) {
    const auto idle_elsewhere = [&](auto matters) {
      return std::any_of(held_.begin(), held_.end(), [&](std::uint32_t index) {
        return slots_[index].backend != chosen && matters(slots_[index].backend);
      });
    };
    if (order_of<Policy> == queue_order::alternating && chosen == last_)
      demand(!idle_elsewhere([](std::uint32_t) { return true; }),
             "no backend is taken twice in a row while another has an idle connection");
    if (order_of<Policy> == queue_order::least_loaded)
      demand(!idle_elsewhere([&](std::uint32_t other) { return loads_[other] < loads_[chosen]; }),
             "a backend with the fewest claimed connections is taken");
    last_ = chosen;
  }

  void check_size() const { demand_equal(queue_.size(), held_.size(), "size() counts what it holds"); }

  std::vector<core::slot_base> slots_;
  typename Policy::template queue<handle> queue_;
  random_source random_;
  std::vector<std::uint32_t> held_;  // in the order of pushing
  std::vector<std::uint32_t> out_;
  std::vector<std::uint32_t> claimed_;  // of those
  std::vector<std::uint32_t> loads_;    // by backend
  std::uint32_t last_ = UINT32_MAX;     // backend
  bool shuffled_ = false;
};

template <class Policy>
void play_with_queue(const Policy& policy, bool with_shuffle) {
  const auto capacity = *rc::gen::inRange<std::uint32_t>(1, 9);
  const auto backends = *rc::gen::inRange<std::uint32_t>(1, 4);
  const auto seed = *rc::gen::inRange<std::uint64_t>(0, 1000);
  const auto ops = *rc::gen::scale(4.0, rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 100)));
  modelled_queue<Policy> queue{policy, capacity, backends, seed};
  for (const auto op : ops) {
    const auto which = static_cast<std::size_t>(op / 4);
    if (op % 4 <= 1 && !queue.is_full())
      queue.push(which);
    else if (op % 4 == 2)
      queue.pop();
    else if (op % 8 == 3 && !queue.held().empty())
      queue.remove(which);
    else if (with_shuffle)
      queue.shuffle(which % 4);
  }
  if (with_shuffle) queue.shuffle_all(1);
  queue.check_visit();
  queue.drain();
}

/// The number of the order among all orders of its elements.
inline std::size_t rank_of(const std::vector<std::uint32_t>& order) {
  std::size_t rank = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    std::size_t smaller = 0;
    for (auto j = i + 1; j < order.size(); ++j) smaller += order[j] < order[i];
    rank = rank * (order.size() - i) + smaller;
  }
  return rank;
}

constexpr std::size_t factorial(std::size_t n) {
  return n < 2 ? 1 : n * factorial(n - 1);
}

template <class Policy>
void check_shuffles(const Policy& policy, std::uint32_t size) {
  std::vector<std::uint64_t> counts(factorial(size));
  for (std::uint64_t seed = 0; seed < 300 * counts.size(); ++seed) {
    modelled_queue<Policy> queue{policy, size, size, seed};
    while (!queue.is_full()) queue.push(0);
    queue.shuffle_all(1 + seed % 3);
    ++counts[rank_of(queue.drain())];
  }
  demand(looks_uniform(counts), "each order is equally likely (chi-squared)");
}

/// Between the steps of the shuffle one is claimed, one is taken out, the claimed one comes back.
template <class Policy>
void check_interrupted_shuffles(const Policy& policy) {
  constexpr std::uint32_t size = 6;
  std::vector<std::uint64_t> counts(factorial(size - 2));
  for (std::uint64_t seed = 0; seed < 20000; ++seed) {
    modelled_queue<Policy> queue{policy, size, size, seed};
    while (!queue.is_full()) queue.push(0);
    queue.shuffle(seed % 4);
    const auto claimed = queue.pop();
    queue.shuffle(seed % 2);
    queue.remove(0);
    queue.shuffle(seed % 3);
    queue.push(0);  // those that are out stand in the order in which they came out
    queue.shuffle_all(2);
    auto order = queue.drain();
    std::erase(order, *claimed);
    // By rank, since which four are left depends on the seed.
    ++counts[rank_of(order)];
  }
  demand(looks_uniform(counts), "each order of what was idle throughout is equally likely (chi-squared)");
}

}  // namespace detail

/// The laws of the queue axis, and of the queue's concurrent form where it has one. Those of order and chance
/// are of policies that promise them (`order_of`).
/// \throws law_broken
template <queue_strategy Policy>
void check_queue(const Policy& policy = {}) {
  const auto of = " (" + std::string{Policy::name} + ")";
  law("a queue loses nothing, gives nothing twice, and keeps its order" + of,
      [&] { detail::play_with_queue(policy, false); });
  law("a queue loses nothing while it is shuffled, and a shuffle ends" + of,
      [&] { detail::play_with_queue(policy, true); });
  fact("a queue holds as much as its capacity, again and again" + of, [&] {
    for (std::uint32_t capacity = 1; capacity <= 200; capacity += capacity < 40 ? 1 : 40) {
      detail::modelled_queue<Policy> queue{policy, capacity, capacity < 40 ? 3U : 130U, capacity};
      for (int round = 0; round < 5; ++round) {
        while (!queue.is_full()) queue.push(0);
        for (auto i = capacity; i-- > 0;)
          if (i % 2 == 0) queue.remove(i);
        while (!queue.is_full()) queue.push(1);
        queue.drain();
      }
    }
  });
  if constexpr (is_shuffled_to_any_order(order_of<Policy>)) {
    fact("a shuffle is uniform over all orders" + of, [&] {
      for (const auto size : {2U, 3U, 4U, 5U}) detail::check_shuffles(policy, size);
    });
    fact("a shuffle is uniform over all orders of what was idle throughout it" + of,
         [&] { detail::check_interrupted_shuffles(policy); });
  }
  if constexpr (order_of<Policy> == queue_order::uniform)
    fact("a uniform queue hands out each idle connection with the same probability" + of, [&] {
      constexpr std::uint32_t size = 7;
      detail::check_uniform_pops(detail::modelled_queue<Policy>{policy, size, size, 1}, size);
    });
  if constexpr (concurrent_queue_strategy<Policy>) check_concurrent_queue(policy);
}

}  // namespace cueball::laws
