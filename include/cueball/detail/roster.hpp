// SPDX-License-Identifier: BSL-1.0
/// \file
/// Who is in a connection set, what its user has not heard yet, and who waits to hear it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>

#include <cueball/connection.hpp>
#include <cueball/deadline.hpp>
#include <cueball/detail/engine.hpp>
#include <cueball/error.hpp>
#include <cueball/set_member.hpp>

namespace cueball::detail {

/// Claims every connection that comes up, for as long as the pool lives, and makes a member of it.
///
/// Who becomes a member does so on the serial executor, and so is everybody removed but at a stop. The mutex
/// is never held while the engine is called, or anything of the user's.
template <class Connection, class Policies>
class roster final : public keeper, public member_home<Connection> {
 public:
  using engine_type = engine<Connection, Policies>;
  using threading = typename Policies::threading;
  using record = member_record<Connection>;
  using record_ptr = std::shared_ptr<record>;
  using member = set_member<Connection>;
  using change = set_change<Connection>;

  /// \param of owns this.
  explicit roster(engine_type& of) : engine_(of), claimer_(*this) {}

  /// When the engine has started.
  void begin() { engine_.claim_for_keeper(claimer_); }

  // Changes.

  std::optional<change> try_next() {
    const std::scoped_lock lock{mutex_};
    if (backlog_.empty() || engine_.is_inherited()) return std::nullopt;
    return take_first();
  }

  change next(deadline until, error_code& error) {
    if (engine_.is_here()) {
      error = errc::would_deadlock;
      return {};
    }
    const auto who = std::make_shared<blocking_taker>();
    auto when = until.resolve([] { return threading::clock::now(); });
    enter(who);
    while (!who->parker.park_until(when)) {
      cancel(who, errc::wait_timeout);
      when = never_comes;
    }
    error = who->error;
    return std::move(who->got);
  }

  template <class Handler>
  void async_next(Handler&& handler) {
    const auto who = std::make_shared<async_taker<std::decay_t<Handler>>>(std::forward<Handler>(handler),
                                                                          engine_.executor());
    if (auto slot = boost::asio::get_associated_cancellation_slot(who->handler); slot.is_connected())
      slot.assign([this, weak = std::weak_ptr<taker>{who}](boost::asio::cancellation_type type) {
        const auto waiting = weak.lock();
        if (waiting && type != boost::asio::cancellation_type::none)
          cancel(waiting, boost::asio::error::operation_aborted);
      });
    enter(who);
  }

  // Members.

  /// Those of which the user has heard, by key.
  std::vector<member> members() const {
    std::vector<member> all;
    const std::scoped_lock lock{mutex_};
    if (engine_.is_inherited()) return all;
    for (const auto& [key, one] : members_)
      if (one->told) all.emplace_back(one);
    return all;
  }

  void broken(record& which) noexcept override {
    {
      const std::scoped_lock lock{mutex_};
      if (which.removed || engine_.is_inherited()) return;
    }
    engine_.on_serial([this, weak = which.weak_from_this()] {
      if (const auto still = weak.lock()) broke(*still);
    });
  }

  void release(record& which) noexcept override {
    {
      const std::scoped_lock lock{mutex_};
      which.released = true;
      if (!which.removed) return;
    }
    let_go(which);
  }

  void drop(record& which) noexcept override { let_go(which); }

  // The end.

  /// The set goes: from here on whoever holds something closes it by letting it go.
  void abandon() noexcept {
    const std::scoped_lock lock{mutex_};
    abandoned_ = true;
  }

  /// Closes what was removed and is not let go: its users have had their time.
  void close_held() {
    std::vector<record_ptr> late;
    {
      const std::scoped_lock lock{mutex_};
      if (abandoned_) return;
      for (const auto& [number, weak] : held_)
        if (auto one = weak.lock()) {
          one->pinned = true;  // so that it is not destroyed meanwhile
          late.push_back(std::move(one));
        }
    }
    for (const auto& one : late) one->seat->connection->close();
    for (const auto& one : late) {
      {
        const std::scoped_lock lock{mutex_};
        one->pinned = false;
        if (!one->released) continue;
      }
      let_go(*one);
    }
  }

  // The engine's.

  void recall(core::slot_id which, const backend& where, close_reason why) noexcept override {
    consequences after;
    {
      const std::scoped_lock lock{mutex_};
      const auto found = members_.find(where.key());
      if (found == members_.end() || found->second->slot != which) return;
      remove(*found->second, why, after);
    }
    see_to(after);
  }

  void before_fork() noexcept override { mutex_.lock(); }
  void after_fork() noexcept override { mutex_.unlock(); }

 private:
  using slot_type = typename engine_type::slot_type;

  /// Somebody who waits for a change.
  class taker {
   public:
    virtual ~taker() = default;

    /// Once, outside the mutex.
    virtual void deliver(error_code error, change what) noexcept = 0;
  };

  class blocking_taker final : public taker {
   public:
    void deliver(error_code failed, change what) noexcept override {
      error = failed;
      got = std::move(what);
      parker.unpark();
    }

    error_code error{};
    change got{};
    typename threading::parker parker;
  };

  template <class Handler>
  class async_taker final : public taker {
   public:
    using executor_type = boost::asio::associated_executor_t<Handler, boost::asio::any_io_executor>;

    template <class Source>
    async_taker(Source&& from, const boost::asio::any_io_executor& usual)
        : handler(std::forward<Source>(from)),
          executor(boost::asio::get_associated_executor(handler, usual)),
          work(boost::asio::prefer(executor, boost::asio::execution::outstanding_work.tracked)) {}

    void deliver(error_code error, change what) noexcept override {
      boost::asio::post(executor, [mine = std::move(handler), busy = std::move(work), error,
                                   what = std::move(what)]() mutable {
        if (auto slot = boost::asio::get_associated_cancellation_slot(mine); slot.is_connected())
          slot.clear();
        std::move(mine)(error, std::move(what));
      });
    }

    Handler handler;
    executor_type executor;
    std::decay_t<decltype(boost::asio::prefer(std::declval<const executor_type&>(),
                                              boost::asio::execution::outstanding_work.tracked))>
        work;
  };

  /// Waits for a connection; where claims fail, because nobody can be reached, until somebody can.
  class claimer final : public shell_waiter {
   public:
    explicit claimer(roster& of) noexcept : of_(of) {}

    void deliver() noexcept override {
      core::waiter was = *this;
      static_cast<core::waiter&>(*this) = {};
      if (was.granted) of_.add(engine_type::slot_of(was));
      if (was.error == errc::stopped) return of_.stop();
      if (was.error)
        of_.engine_.wait_until_one_is_up(*this);
      else
        of_.engine_.claim_for_keeper(*this);
    }

   private:
    roster& of_;
  };

  /// What the user has not heard.
  struct news {
    typename change::kind what;
    std::shared_ptr<const backend> where;
    std::weak_ptr<record> who;
    std::uint64_t number;
    close_reason reason;
  };

  struct delivery {
    std::shared_ptr<taker> to;
    error_code error;
    change what;
  };

  /// What is seen to when the mutex is free again.
  struct consequences {
    std::vector<record_ptr> released;  ///< Removed, and its user said before that he has no use for it.
    std::vector<record_ptr> dropped;   ///< Removed.
    std::vector<delivery> deliveries;
  };

  /// What nobody has is closed before anybody hears of it.
  void see_to(consequences& all) noexcept {
    for (const auto& one : all.released) let_go(*one);
    all.released.clear();
    all.dropped.clear();
    {
      const std::scoped_lock lock{mutex_};
      tell(all.deliveries);
    }
    for (auto& [to, error, what] : all.deliveries) to->deliver(error, std::move(what));
  }

  void add(slot_type& slot) noexcept {
    const auto& where = engine_.description(slot);
    const auto made = std::make_shared<record>(*this, slot, core::id_of(slot), where, ++last_);
    const bool is_watched = watch(made);
    consequences after;
    std::optional<core::slot_id> replaced;
    {
      const std::scoped_lock lock{mutex_};
      auto& place = members_[where->key()];
      if (place) {  // past its lifetime
        replaced = place->slot;
        remove(*place, close_reason::expired, after);
      }
      members_[where->key()] = made;
      backlog_.push_back({change::kind::added, where, made, made->number, {}});
    }
    if (replaced) engine_.give_up(*replaced, core::verdict::good);
    see_to(after);
    if (!is_watched) broke(*made);
  }

  /// False if that fails.
  bool watch(const record_ptr& which) noexcept {
    if constexpr (ending_connection<Connection>) {
      const auto failure = failure_of(errc::connection_broken, [&] {
        which->seat->connection->async_wait_ended(
            engine_.on_serial_later([this, weak = std::weak_ptr<record>{which}] {
              if (const auto still = weak.lock()) broke(*still);
            }));
      });
      return !failure.error;
    } else {
      return true;
    }
  }

  /// On the serial executor.
  void broke(record& which) noexcept {
    {
      const std::scoped_lock lock{mutex_};
      if (which.removed) return;
    }
    engine_.give_up(which.slot, core::verdict::broken);  // first: who hears of it may let it go at once
    consequences after;
    {
      const std::scoped_lock lock{mutex_};
      if (which.removed) return;
      remove(which, close_reason::broken, after);
    }
    see_to(after);
  }

  void stop() noexcept {
    consequences after;
    {
      const std::scoped_lock lock{mutex_};
      stopped_ = true;
      while (!members_.empty()) remove(*members_.begin()->second, close_reason::stopped, after);
    }
    see_to(after);
  }

  // Under the mutex.

  /// \pre It is a member.
  void remove(record& which, close_reason why, consequences& after) {
    const auto found = members_.find(which.where->key());
    auto mine = std::move(found->second);
    members_.erase(found);
    which.removed = true;
    which.reason = why;
    if (which.told) {
      held_.emplace(which.number, mine);
      backlog_.push_back({change::kind::removed, which.where, mine, which.number, why});
    } else {  // it comes and goes unheard
      std::erase_if(backlog_, [&](const news& each) { return each.number == which.number; });
    }
    (which.released ? after.released : after.dropped).push_back(std::move(mine));
  }

  change take_first() {
    auto first = std::move(backlog_.front());
    backlog_.pop_front();
    const auto who = first.who.lock();
    if (who) who->told = true;
    return {first.what, std::move(first.where), member{who && who->seat ? who : nullptr}, first.reason};
  }

  void tell(std::vector<delivery>& to) {
    for (; !takers_.empty() && !backlog_.empty(); takers_.pop_front())
      to.push_back({takers_.front(), {}, take_first()});
    for (; stopped_ && !takers_.empty(); takers_.pop_front())
      to.push_back({takers_.front(), errc::stopped, {}});
  }

  // Outside it.

  void enter(std::shared_ptr<taker> who) {
    if (engine_.is_inherited()) return who->deliver(errc::forked, {});
    consequences after;
    {
      const std::scoped_lock lock{mutex_};
      takers_.push_back(std::move(who));
    }
    see_to(after);
  }

  /// Ends a wait that has not ended.
  void cancel(const std::shared_ptr<taker>& who, error_code why) {
    {
      const std::scoped_lock lock{mutex_};
      if (std::erase(takers_, who) == 0) return;
    }
    who->deliver(why, {});
  }

  /// \pre It was removed, or nobody has it. After this the engine may be gone.
  void let_go(record& which) noexcept {
    seat<Connection>* mine = nullptr;
    {
      const std::scoped_lock lock{mutex_};
      if (which.pinned) {
        which.released = true;
        return;
      }
      held_.erase(which.number);
      mine = std::exchange(which.seat, nullptr);
    }
    if (mine) engine_.let_go(engine_type::slot_of(*mine), which.reason);
  }

  engine_type& engine_;
  claimer claimer_;
  std::uint64_t last_ = 0;

  mutable typename threading::mutex mutex_;
  bool stopped_ = false;
  bool abandoned_ = false;
  std::map<std::string, record_ptr> members_;            ///< By the keys of their backends.
  std::map<std::uint64_t, std::weak_ptr<record>> held_;  ///< Removed, and not let go.
  std::deque<news> backlog_;
  std::deque<std::shared_ptr<taker>> takers_;
};

}  // namespace cueball::detail
