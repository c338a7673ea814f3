// SPDX-License-Identifier: BSL-1.0
/// \file
/// The laws of a queue's concurrent form.
#pragma once

#include <algorithm>
#include <atomic>
#include <barrier>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <cueball/laws/law.hpp>
#include <cueball/laws/uniform_pops.hpp>
#include <cueball/queue_policy.hpp>
#include <cueball/random.hpp>
#include <cueball/relaxed_word.hpp>
#include <cueball/threading/lock_free.hpp>

namespace cueball::laws {

namespace detail {

template <class Policy>
using concurrent_form = typename Policy::template concurrent<threading::lock_free::atomic>;

/// Is `found` what a queue of this order gives of `held`, which is in the order of pushing?
inline bool may_come_out(queue_order order, const std::vector<std::uint32_t>& held,
                         std::vector<std::uint32_t>::const_iterator found) {
  return found != held.end() && (order != queue_order::first_in_first_out || found == held.begin()) &&
         (order != queue_order::last_in_first_out || found == held.end() - 1);
}

/// The concurrent form beside a plain vector that knows what must be in it; one thread.
template <class Policy>
class modelled_concurrent {
 public:
  modelled_concurrent(const Policy& policy, std::uint32_t capacity, std::uint64_t seed)
      : places_(capacity), queue_{policy, capacity, random_source{seed}} {
    queue_.make_room(capacity - 1);
    for (std::uint32_t i = 0; i < capacity; ++i) out_.push_back(i);
  }

  bool is_full() const { return out_.empty(); }
  const std::vector<std::uint32_t>& held() const { return held_; }

  void push(std::size_t which) {
    const auto number = out_[which % out_.size()];
    if (!put(number)) {
      demand(holes_ > 0, "there is room for as many as the capacity, unless there was a fence or a removal");
      make_room();
      demand(put(number), "there is room again when all were out of the queue");
    }
    std::erase(out_, number);
    held_.push_back(number);
    check();
  }

  std::optional<std::uint32_t> pop() {
    const auto number = queue_.pop();
    demand(number.has_value() == !held_.empty(),
           number ? "an empty queue gives nothing" : "a queue that holds something gives it");
    if (!number) {
      holes_ = 0;
      return number;
    }
    if (order_of<Policy> == queue_order::uniform) ++holes_;
    const auto found = std::find(held_.begin(), held_.end(), *number);
    demand(found != held_.end(), "what comes out was put in, and comes out once");
    demand(may_come_out(order_of<Policy>, held_, found), "it comes out in the order that the queue promises");
    held_.erase(found);
    out_.push_back(*number);
    check();
    return number;
  }

  void remove(std::size_t which) {
    const auto number = held_[which % held_.size()];
    demand(queue_.remove(number, places_[number]), "what is in the queue can be removed");
    demand(!queue_.remove(number, places_[number]), "once");
    std::erase(held_, number);
    out_.push_back(number);
    ++holes_;
    check();
  }

  void push_forbidden(std::size_t which) {
    const auto number = out_[which % out_.size()];
    demand(queue_.push(number, places_[number], [] { return false; }) == push_result::refused,
           "what is not allowed is refused");
    check();
  }

  void fence(std::size_t which) {
    if (which % 2 == 0)
      queue_.fence();
    else
      queue_.fence(static_cast<std::uint32_t>(which % places_.size()));
    ++holes_;
    check();
  }

  /// The fence comes when the push has been allowed, and has not happened.
  void push_beside_fence(std::size_t which) {
    const auto number = out_[which % out_.size()];
    int asked = 0;
    const auto came = queue_.push(number, places_[number], [&] {
      if (++asked > 1) return false;
      which % 2 == 0 ? queue_.fence() : queue_.fence(number);
      return true;
    });
    ++holes_;
    demand(came == push_result::refused, "a push that asked before a fence asks again");
    check();
  }

  /// Not what it does not hold.
  void remove_nothing(std::size_t which) {
    const auto number = out_[which % out_.size()];
    demand(!queue_.remove(number, places_[number]), "what is not in the queue cannot be removed");
  }

  void drain() {
    while (pop()) {
    }
  }

 private:
  bool put(std::uint32_t number) {
    return queue_.push(number, places_[number], [] { return true; }) == push_result::done;
  }

  /// As the pool does it.
  void make_room() {
    holes_ = 0;
    if constexpr (requires { queue_.tidy(); }) {
      queue_.tidy();
    } else {
      std::vector<std::uint32_t> all;
      while (const auto number = queue_.pop()) all.push_back(*number);
      for (const auto number : all) demand(put(number), "an empty queue has room");
    }
  }

  void check() const {
    for (const auto number : held_) demand(queue_.holds(number, places_[number]), "it holds what is in it");
    for (const auto number : out_) demand(!queue_.holds(number, places_[number]), "and nothing else");
    demand(queue_.size() >= held_.size(), "size() counts what it holds, and perhaps what is gone");
    if constexpr (requires { queue_.visit([](std::uint32_t) { return true; }); }) {
      std::vector<std::uint32_t> seen;
      queue_.visit([&](std::uint32_t number) {
        seen.push_back(number);
        return true;
      });
      if (order_of<Policy> == queue_order::last_in_first_out) std::reverse(seen.begin(), seen.end());
      demand(seen == held_, "visit shows the order of claiming");
    }
  }

  std::vector<relaxed_word<std::uint32_t>> places_;
  concurrent_form<Policy> queue_;
  std::vector<std::uint32_t> held_;  // in the order of pushing
  std::vector<std::uint32_t> out_;
  std::size_t holes_ = 0;  // since it was empty
};

template <class Policy>
void play_with_concurrent(const Policy& policy) {
  const auto capacity = *rc::gen::element<std::uint32_t>(1, 2, 3, 4, 5, 6, 7, 8, 33, 70);
  const auto seed = *rc::gen::inRange<std::uint64_t>(0, 1000);
  const auto ops = *rc::gen::scale(4.0, rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 100)));
  modelled_concurrent<Policy> queue{policy, capacity, seed};
  for (const auto op : ops) {
    const auto which = static_cast<std::size_t>(op / 4);
    if (op % 10 == 9)
      queue.fence(which);
    else if (op % 10 == 8 && !queue.is_full())
      queue.push_forbidden(which);
    else if (op % 10 == 7 && !queue.is_full())
      queue.push_beside_fence(which);
    else if (op % 4 <= 1 && !queue.is_full())
      queue.push(which);
    else if (op % 4 == 2)
      queue.pop();
    else if (op % 8 == 3 && !queue.held().empty())
      queue.remove(which);
    else if (!queue.is_full())
      queue.remove_nothing(which);
  }
  queue.drain();
}

/// What a thread did, between which two ticks of a clock that all of them move.
struct operation {
  bool pushed;
  std::optional<std::uint32_t> number;
  std::uint64_t began;
  std::uint64_t ended;
};

/// Is there an order of these operations in which a queue could have done one after the other, and in which
/// none stands before one that had ended when it began?
inline bool is_linearisable(queue_order order, std::vector<operation>& left,
                            std::vector<std::uint32_t>& held) {
  if (left.empty()) return true;
  auto first_end = UINT64_MAX;
  for (const auto& each : left) first_end = std::min(first_end, each.ended);
  for (std::size_t i = 0; i < left.size(); ++i) {
    const auto tried = left[i];
    if (tried.began > first_end) continue;
    auto after = held;
    if (tried.pushed) {
      after.push_back(*tried.number);
    } else if (tried.number) {
      const auto found = std::find(after.begin(), after.end(), *tried.number);
      if (!may_come_out(order, after, found)) continue;
      after.erase(found);
    } else if (!held.empty()) {
      continue;
    }
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(i));
    if (is_linearisable(order, left, after)) return true;
    left.insert(left.begin() + static_cast<std::ptrdiff_t>(i), tried);
  }
  return false;
}

/// Three threads push and pop a few times at once, again and again; each round's history is looked at.
template <class Policy>
void check_linearisable(const Policy& policy) {
  constexpr std::uint32_t threads = 3;
  constexpr std::uint32_t numbers = 2;  // that each begins with
  constexpr int rounds = 3'000;
  constexpr int steps = 3;
  concurrent_form<Policy> queue{policy, threads * numbers, random_source{1}};
  queue.make_room(threads * numbers - 1);
  std::vector<relaxed_word<std::uint32_t>> places(threads * numbers);
  std::atomic<std::uint64_t> clock = 0;
  std::vector<std::vector<operation>> histories(threads);
  std::vector<std::vector<std::uint32_t>> mine(threads);
  std::barrier meet{threads + 1};
  std::atomic<bool> over = false;
  const auto pop = [&](std::vector<operation>& history) {
    operation one{.pushed = false, .number = {}, .began = clock++, .ended = 0};
    one.number = queue.pop();
    one.ended = clock++;
    history.push_back(one);
    return one.number;
  };
  std::vector<std::jthread> running;
  for (std::uint32_t who = 0; who < threads; ++who)
    running.emplace_back([&, who] {
      random_source random{who};
      for (;;) {
        meet.arrive_and_wait();
        if (over) return;
        for (int i = 0; i < steps; ++i) {
          if (!mine[who].empty() && random.below(2) == 0) {
            const auto number = mine[who].back();
            operation one{.pushed = true, .number = number, .began = clock++, .ended = 0};
            if (queue.push(number, places[number], [] { return true; }) != push_result::done) continue;
            one.ended = clock++;
            mine[who].pop_back();
            histories[who].push_back(one);
          } else if (const auto number = pop(histories[who])) {
            mine[who].push_back(*number);
          }
        }
        meet.arrive_and_wait();
      }
    });
  bool all = true;
  for (int round = 0; round < rounds && all; ++round) {
    for (std::uint32_t who = 0; who < threads; ++who) {
      histories[who].clear();
      mine[who] = {2 * who, 2 * who + 1};
    }
    meet.arrive_and_wait();
    meet.arrive_and_wait();
    std::vector<operation> history;
    while (pop(history)) {
    }
    for (const auto& of : histories) history.insert(history.end(), of.begin(), of.end());
    std::sort(history.begin(), history.end(),
              [](const operation& a, const operation& b) { return a.began < b.began; });
    std::vector<std::uint32_t> held;
    all = is_linearisable(order_of<Policy>, history, held);
  }
  over = true;
  meet.arrive_and_wait();
  running.clear();
  demand(all, "what threads do at once has an order in which one thread could have done it");
}

/// What happens in the middle of something: just before the access to a word that is so many to come.
struct interruption {
  static inline int steps = 0;
  static inline std::function<void()> what;

  static void reach() {
    if (steps > 0 && --steps == 0) what();
  }
};

/// A word of one thread that may be interrupted before each access.
template <class Word>
class interrupted_word {
 public:
  interrupted_word() = default;
  explicit interrupted_word(Word value) : value_(value) {}

  Word load(std::memory_order = std::memory_order_seq_cst) const noexcept {
    interruption::reach();
    return value_;
  }

  void store(Word value, std::memory_order = std::memory_order_seq_cst) noexcept {
    interruption::reach();
    value_ = value;
  }

  bool compare_exchange(Word& expected, Word desired,
                        std::memory_order = std::memory_order_seq_cst) noexcept {
    interruption::reach();
    if (value_ != expected) {
      expected = value_;
      return false;
    }
    value_ = desired;
    return true;
  }

  Word exchange(Word desired, std::memory_order = std::memory_order_seq_cst) noexcept {
    interruption::reach();
    return std::exchange(value_, desired);
  }

 private:
  Word value_{};
};

/// In the middle of a push another thread does what the end of a pool does; before each of its steps once. It
/// has the number, or the pusher has it; and if the pusher will come back to say that he is late, that was
/// counted.
template <class Policy>
void check_end_amid_push(const Policy& policy) {
  constexpr std::uint32_t pushed = 1;
  for (int step = 1, reached = step; reached > 0; ++step) {
    typename Policy::template concurrent<interrupted_word> queue{policy, 4, random_source{1}};
    queue.make_room(3);
    std::vector<relaxed_word<std::uint32_t>> places(4);
    demand(queue.push(0, places[0], [] { return true; }) == push_result::done, "an empty queue has room");
    bool ended = false;
    bool found = false;
    std::uint32_t late = 0;
    interruption::what = [&] {
      ended = true;
      queue.fence();
      found = queue.remove(pushed, places[pushed]);
      while (const auto number = queue.pop()) found = found || *number == pushed;
      late = queue.count_late(pushed);
    };
    interruption::steps = step;
    const auto came = queue.push(pushed, places[pushed], [&] { return !ended; });
    reached = std::exchange(interruption::steps, 0) == 0 ? 1 : 0;
    const auto expected = !found && ended ? push_result::refused
                          : late > 0      ? push_result::late
                                          : push_result::done;
    demand(came == expected, "a push that is amid the end of a pool says where its number is");
    demand(late <= 1 && (found || late == 0), "only a push that has lost its number is late");
  }
}

}  // namespace detail

/// The laws of the concurrent form of a queue.
/// \throws law_broken
template <concurrent_queue_strategy Policy>
void check_concurrent_queue(const Policy& policy = {}) {
  const auto of = " (" + std::string{Policy::name} + ")";
  law("a concurrent queue loses nothing, gives nothing twice, and keeps its order" + of,
      [&] { detail::play_with_concurrent(policy); });
  fact("a concurrent queue is linearisable" + of, [&] { detail::check_linearisable(policy); });
  fact("a push that meets the end of the pool in its middle is in one place, and says where" + of,
       [&] { detail::check_end_amid_push(policy); });
  if constexpr (order_of<Policy> == queue_order::uniform)
    fact("a uniform concurrent queue hands out each idle connection with the same probability" + of, [&] {
      for (const std::uint32_t size : {7U, 40U})
        detail::check_uniform_pops(detail::modelled_concurrent<Policy>{policy, size, 1}, size);
    });
}

}  // namespace cueball::laws
