// SPDX-License-Identifier: BSL-1.0
/// \file
/// The queue axis: which idle connection does a claim get?
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

#include <cueball/random.hpp>
#include <cueball/relaxed_word.hpp>

namespace cueball {

/// Names the axis.
struct queue_policy {};

namespace archetype {

/// The poorest handle of an idle connection that a queue has to live with: trivially copyable, empty by
/// default.
class slot {
 public:
  slot() = default;

  /// False for a default-constructed one, which stands for no slot.
  explicit operator bool() const noexcept { return false; }

  /// Small and unique among the slots in use; the same for all the life of a connection.
  std::uint32_t index() const noexcept { return 0; }

  /// The number of its backend; equal for two connections to the same one.
  std::uint32_t backend() const noexcept { return 0; }

  /// One word in the slot that belongs to the queue for as long as it holds the slot.
  std::uint32_t place() const noexcept { return 0; }
  void place(std::uint32_t) const noexcept {}
};

}  // namespace archetype

/// What a queue promises of the order in which it hands out connections.
enum class queue_order {
  unspecified,         ///< Nothing.
  first_in_first_out,  ///< The one that came in first, unless a shuffle changed that.
  last_in_first_out,   ///< The one that came in last, unless a shuffle changed that.
  uniform,             ///< Each with the same probability.
  alternating,         ///< Not of the same backend twice in a row, while another has an idle one.
  least_loaded,  ///< Of a backend with the fewest claimed connections, among those that have an idle one.
};

/// Does a shuffle make each order of the idle connections equally likely?
constexpr bool is_shuffled_to_any_order(queue_order order) noexcept {
  return order == queue_order::first_in_first_out || order == queue_order::last_in_first_out ||
         order == queue_order::uniform;
}

/// What `Policy` promises: its `order`, if it has one.
template <class Policy>
inline constexpr queue_order order_of = queue_order::unspecified;
template <class Policy>
  requires requires { requires std::same_as<decltype(Policy::order), const queue_order>; }
inline constexpr queue_order order_of<Policy> = Policy::order;

/// An object that holds the idle connections. All calls are made under the pool's mutex, if it has one.
///
/// Optional: `make_room(backends)`, called before a new slot is pushed, whose backend has a number below
/// that; the next call may be of fewer. It may allocate. `claimed(slot)`, after a claim got the slot, from
/// the queue or not, and `ended(slot)`, when it has it no longer, before the slot is pushed if it is; both
/// are `noexcept`.
template <class Queue, class Slot>
concept queue_of = requires(Queue queue, const Queue& constant, Slot slot, random_source random) {
  // Never called with more slots held than the capacity given at construction.
  { queue.push(slot) } noexcept -> std::same_as<void>;
  // An empty queue is an answer, not an error.
  { queue.pop() } noexcept -> std::same_as<std::optional<Slot>>;
  // Takes out a slot that it holds.
  { queue.remove(slot) } noexcept -> std::same_as<void>;
  { constant.size() } noexcept -> std::convertible_to<std::size_t>;
  // Goes on with a shuffle, or begins one: about this many steps; true when it is done. Other calls may come
  // between the steps.
  { queue.shuffle(random, std::size_t{}) } noexcept -> std::same_as<bool>;
};

/// What came of a push that others may be in the way of.
enum class push_result : std::uint8_t {
  done,     ///< The number is in the queue, or somebody else's by now.
  refused,  ///< It is still the pusher's: there is no room, or it was not allowed.
  late,     ///< It was removed before it was in the queue, and `count_late` has counted that.
};

/// An object that holds the numbers of idle connections, and that threads use at once without a lock.
///
/// The *place* belongs to the queue while it holds the number. `push` writes it before others can see the
/// number in the queue; the owner of the number lends the word for it. Each `push`, `pop` and `remove` that
/// succeeds has one `seq_cst` read-modify-write at which it happens.
///
/// A `push` that succeeds touches neither the queue nor the word after that: others may have the number by
/// then, and destroy all. So it cannot look afterwards whether somebody waits for it. It asks `allowed()`
/// before, and `fence` makes that sound: a push that has asked before a fence, and has not happened before
/// it, asks again. So who changes what `allowed()` says, and then fences, knows that each number is either in
/// the queue, where he finds it, or in the hands of somebody who will be refused.
template <class Queue>
concept concurrent_queue =
    requires(Queue queue, const Queue& constant, std::uint32_t number, relaxed_word<std::uint32_t>& place) {
      // Before a greater number than ever is pushed, by one thread at a time: room for numbers below that.
      queue.make_room(number);
      {
        queue.push(number, place, [] { return true; })
      } noexcept -> std::same_as<push_result>;
      { queue.fence() } noexcept -> std::same_as<void>;
      // Enough if only this number is allowed no longer.
      { queue.fence(number) } noexcept -> std::same_as<void>;
      { queue.pop() } noexcept -> std::same_as<std::optional<std::uint32_t>>;
      // Takes out a certain number, by one thread at a time; false if it is not there (any more).
      { queue.remove(number, std::uint32_t{}) } noexcept -> std::same_as<bool>;
      // When nothing is allowed any more, and all is out of the queue: how many pushes of this number will
      // say that they are late.
      { queue.count_late(number) } noexcept -> std::same_as<std::uint32_t>;
      // Is it there?
      { constant.holds(number, std::uint32_t{}) } noexcept -> std::same_as<bool>;
      // About how many there are.
      { constant.size() } noexcept -> std::convertible_to<std::size_t>;
    };

namespace archetype {

/// The poorest word that threads share.
template <class Word>
class atomic {
 public:
  atomic() = default;
  explicit atomic(Word) noexcept {}
  Word load(std::memory_order = std::memory_order_seq_cst) const noexcept { return {}; }
  void store(Word, std::memory_order = std::memory_order_seq_cst) noexcept {}
  bool compare_exchange(Word&, Word, std::memory_order = std::memory_order_seq_cst) noexcept { return true; }
  Word exchange(Word, std::memory_order = std::memory_order_seq_cst) noexcept { return {}; }
};

}  // namespace archetype

/// A queue that can be used without a lock, and so with `threading::lock_free`: it has a
/// `template <template <class> class Atomic> class concurrent`, made like its `queue`, whose words are all of
/// type `Atomic`.
template <class Policy>
concept concurrent_queue_strategy = requires {
  requires std::constructible_from<typename Policy::template concurrent<archetype::atomic>, const Policy&,
                                   std::size_t, random_source>;
  requires concurrent_queue<typename Policy::template concurrent<archetype::atomic>>;
};

/// A policy of the queue axis. See docs/policies.md for what each expression means.
template <class Policy>
concept queue_strategy = requires {
  requires std::same_as<typename Policy::category, queue_policy>;
  requires std::convertible_to<decltype(Policy::name), std::string_view>;
  requires std::copy_constructible<Policy>;
  // Made from the policy's value, the capacity, and randomness of its own.
  requires std::constructible_from<typename Policy::template queue<archetype::slot>, const Policy&,
                                   std::size_t, random_source>;
  requires queue_of<typename Policy::template queue<archetype::slot>, archetype::slot>;
};

}  // namespace cueball
