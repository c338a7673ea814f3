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
};

/// What `Policy` promises: its `order`, if it has one.
template <class Policy>
inline constexpr queue_order order_of = queue_order::unspecified;
template <class Policy>
  requires requires { requires std::same_as<decltype(Policy::order), const queue_order>; }
inline constexpr queue_order order_of<Policy> = Policy::order;

/// An object that holds the idle connections. All calls are made under the pool's mutex, if it has one.
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

/// An object that holds the numbers of idle connections, and that threads use at once without a lock.
///
/// The *place* belongs to the queue while it holds the number. `push` writes it before others can see the
/// number in the queue; the owner of the number lends the word for it. In a `push` that succeeds, and in a
/// `pop` or `remove` that gives a number, there is a `seq_cst` read-modify-write at which it happens, and a
/// `pop` that finds nothing had a `seq_cst` load at which there was nothing: who finds nothing, and then says
/// that he waits, is seen by whoever pushes later.
template <class Queue>
concept concurrent_queue =
    requires(Queue queue, const Queue& constant, std::uint32_t number, relaxed_word<std::uint32_t>& place) {
      // Before a greater number than ever is pushed, by one thread at a time: room for numbers below that.
      queue.make_room(number);
      // False if there is no room: a removed one may take up its place until it is popped over.
      { queue.push(number, place) } noexcept -> std::same_as<bool>;
      { queue.pop() } noexcept -> std::same_as<std::optional<std::uint32_t>>;
      // Takes out a certain number, by one thread at a time; false if it is not there (any more).
      { queue.remove(number, std::uint32_t{}) } noexcept -> std::same_as<bool>;
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
