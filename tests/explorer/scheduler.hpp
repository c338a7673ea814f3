// SPDX-License-Identifier: BSL-1.0
/// \file
/// The explorer's scheduler: runs a body again and again, once for each interleaving of its threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <cueball/time.hpp>

#include "explorer/fiber.hpp"

namespace explorer {

using cueball::duration;
using cueball::never_comes;
using cueball::time_point;

/// Something that happens at a time. It is registered while it has one.
class timed {
 public:
  virtual void fire() = 0;

  time_point when = never_comes;

 protected:
  ~timed() = default;
};

/// A thread that waits for work, and does it piece by piece.
class server {
 public:
  virtual bool has_work() const noexcept = 0;
  virtual void work() = 0;

 protected:
  ~server() = default;
};

/// One thread of a body.
struct thread {
  std::string name;
  std::function<void()> run;
};

/// What came of an exploration.
struct outcome {
  std::uint64_t interleavings = 0;
  std::size_t longest = 0;        ///< Choices in the longest of them.
  double seconds = 0;             ///< Of the processor.
  std::uint32_t preemptions = 0;  ///< At most.
  std::string failure;  ///< Empty if no interleaving broke a rule; else the rule, and how to see it again.
};

/// Depth first, over all choices at the points where the model of threads (explored.hpp) hands control over:
/// which thread goes on, or whether time passes to the next deadline. A switch away from a thread that could
/// have gone on is a preemption, of which each interleaving has at most `CUEBALL_PREEMPTIONS` (2). Whether a
/// store is seen at once is a choice too; at most `CUEBALL_DELAYS` (1) times it is not. `CUEBALL_CHOICES`
/// runs the one interleaving that it tells.
class scheduler {
 public:
  static scheduler& get();

  // For a test.

  /// Runs `body` once for each interleaving, or until one breaks a rule. What that one had is left as it was.
  /// With so many preemptions, unless the environment says otherwise.
  outcome explore(std::string_view name, std::function<void()> body, std::uint32_t preemptions = 2);

  // For a body.

  /// Runs the threads, interleaved with each other and with the servers, until they have ended and the
  /// servers are idle. Time passes to deadlines up to `horizon` from now, at any step; it has to where
  /// nothing else can happen.
  void go(std::vector<thread> threads, duration horizon = duration::zero());

  /// Without any choice: lets servers work until they are idle, and time pass.
  void pass(duration length);

  /// The interleaving breaks a rule: it ends here.
  [[noreturn]] void fail(std::string_view rule);

  void check(bool holds, std::string_view rule) {
    if (!holds) fail(rule);
  }

  /// For the history.
  void note(const char* what, const void* which = nullptr) {
    if (is_branching()) history_.push_back({current_, what, which});
  }

  /// Called whenever `lock` was unlocked, by who did so. With `again` the same was seen in an earlier
  /// interleaving.
  void watch(const void* lock, std::function<void(bool again)> look) {
    watched_ = lock;
    look_ = std::move(look);
  }

  /// The lock that was locked last.
  const void* last_locked() const noexcept { return last_locked_; }

  /// User code begins: no lock may be held by who calls it.
  void user_code(const char* what);

  /// Who runs: the number of a thread among those that `go` was given.
  std::size_t who() const noexcept { return current_ - 1; }

  /// The current thread does not come back from a `parker` while `*gate`; null: that is all one.
  void set_gate(const bool* gate) noexcept { running().gate = gate; }

  // For the model.

  /// Time may pass before it is read.
  time_point now() noexcept;

  /// Others may go on before this one does.
  void step() {
    if (is_branching()) decide();
  }

  // Stores that others do not see yet (x86-TSO: P. Sewell et al., 2010). A store weaker than `seq_cst` may
  // stay in the buffer of its thread until that drains it: by a `seq_cst` store or read-modify-write, at a
  // lock or an unlock, or when it waits or ends. So may the outcome of a read-modify-write weaker than
  // `seq_cst`, until somebody else does one on the same word; that is weaker than x86, and as weak as some
  // other machines.

  /// Keeps it, or says that it is to be done at once.
  bool keeps_back(void* where, std::uint64_t value, void (*write)(void*, std::uint64_t)) {
    if (!is_branching()) return false;
    auto& kept = running().kept;
    if (kept.empty()) {
      if (delays_ >= most_delays_ || pick(2) == 0) return false;
      ++delays_;
      note("keeps a store back", where);
    }
    kept.push_back({where, value, write});
    return true;
  }

  /// What the running thread has stored there and others do not see yet.
  std::optional<std::uint64_t> kept_back(const void* where) noexcept {
    const auto& kept = running().kept;
    for (auto i = kept.size(); i-- > 0;)
      if (kept[i].where == where) return kept[i].value;
    return std::nullopt;
  }

  void drain() {
    if (running().kept.empty()) return;
    step();
    drain(running());
  }

  /// Nobody else has a store to it that is not seen.
  void drain_others(const void* where) noexcept;

  /// Goes on when `ready()`, or at the deadline. True if ready.
  template <class Ready>
  bool wait(const char* what, const void* which, const Ready& ready, time_point deadline = never_comes) {
    if (!is_branching()) {
      check(ready(), "nobody is there to end a wait");
      return true;
    }
    note(what, which);
    drain();
    auto& self = running();
    self.ready = [](const void* of) { return (*static_cast<const Ready*>(of))(); };
    self.ready_of = &ready;
    self.deadline = deadline;
    decide();
    self.ready = nullptr;
    self.deadline = never_comes;
    if (ready()) return true;
    note("reaches its deadline");
    return false;
  }

  /// See `set_gate`.
  void pass_gate() {
    const auto* const gate = running().gate;
    if (gate && *gate) wait("waits for the stop callback", gate, [gate] { return !*gate; });
  }

  bool holds_a_lock() noexcept { return running().held > 0; }
  void under_lock(const char* what) {
    if (!silent_) check(holds_a_lock(), std::string{what} + " is used without a lock");
  }

  void locked(const void* lock) noexcept;
  void unlocked(const void* lock) noexcept;

  void add(timed& what) { timers_.push_back(&what); }
  void remove(timed& what) noexcept { std::erase(timers_, &what); }

  void add(server& what) { servers_.push_back(&what); }
  void remove(server& what) noexcept { std::erase(servers_, &what); }

 private:
  struct store {
    void* where;
    std::uint64_t value;
    void (*write)(void*, std::uint64_t);
  };

  struct logical {
    fiber stack;
    std::vector<store> kept;
    std::string name;
    std::function<void()> run;
    bool (*ready)(const void*) = nullptr;  ///< Null: it can go on.
    const void* ready_of = nullptr;
    time_point deadline = never_comes;
    const bool* gate = nullptr;
    std::uint32_t held = 0;       ///< Locks.
    bool has_seen_clock = false;  ///< Since its last step.
    bool ended = true;
    bool serves = false;
    bool busy = false;
  };

  struct happened {
    std::size_t who;
    const char* what;
    const void* which;
  };

  struct choice {
    std::uint32_t taken;
    std::uint32_t of;
  };

  static void drain(logical& who) noexcept {
    for (const auto& each : who.kept) each.write(each.where, each.value);
    who.kept.clear();
  }

  static constexpr std::size_t most_steps = 2000;
  static constexpr std::size_t time_passes = ~std::size_t{0};

  bool is_branching() const noexcept { return branching_ && !silent_; }
  logical& running() noexcept { return *logicals_[current_]; }
  std::size_t start(std::string name, std::function<void()> run);
  bool can_go_on(std::size_t who) const;
  bool all_ended() const noexcept;
  time_point next_deadline() const noexcept;
  void advance(time_point to);
  void decide();
  std::uint32_t pick(std::size_t of);
  void switch_to(std::size_t who);
  bool next_path();
  std::string choices() const;
  std::string history() const;
  std::string who_waits() const;

  std::vector<std::unique_ptr<logical>> logicals_;
  std::size_t in_use_ = 0;
  std::size_t current_ = 0;
  fiber outside_;

  std::vector<server*> servers_;
  std::vector<timed*> timers_;
  time_point now_{};
  time_point horizon_{};
  bool branching_ = false;
  bool silent_ = false;
  const void* last_locked_ = nullptr;
  const void* watched_ = nullptr;
  std::function<void(bool)> look_;

  std::vector<choice> path_;
  std::size_t position_ = 0;
  std::size_t replayed_ = 0;  ///< Choices of the path that are given.
  std::uint32_t preemptions_ = 0;
  std::uint32_t most_preemptions_ = 2;
  std::uint32_t delays_ = 0;
  std::uint32_t most_delays_ = 1;
  std::vector<std::size_t> options_;
  std::vector<happened> history_;
  std::string failure_;
  std::string_view name_;
};

}  // namespace explorer
