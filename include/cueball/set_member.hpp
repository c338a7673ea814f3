// SPDX-License-Identifier: BSL-1.0
/// \file
/// What a connection set tells its user of: its members, and how they change.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include <boost/assert.hpp>

#include <cueball/backend.hpp>
#include <cueball/core/slot.hpp>
#include <cueball/events.hpp>
#include <cueball/lease.hpp>

namespace cueball {

namespace detail {

template <class Connection>
struct member_record;

/// Whose members they are, whatever the set's type.
template <class Connection>
class member_home {
 public:
  virtual void broken(member_record<Connection>& record) noexcept = 0;
  virtual void release(member_record<Connection>& record) noexcept = 0;

  /// Nobody has it any more.
  virtual void drop(member_record<Connection>& record) noexcept = 0;

 protected:
  ~member_home() = default;
};

/// A connection that belongs to a set, or did, and that somebody still has. The home's mutex guards what
/// changes.
template <class Connection>
struct member_record : std::enable_shared_from_this<member_record<Connection>> {
  member_record(member_home<Connection>& of, detail::seat<Connection>& in, core::slot_id which,
                std::shared_ptr<const backend> to, std::uint64_t in_order) noexcept
      : home(&of), seat(&in), slot(which), where(std::move(to)), number(in_order) {}
  member_record(const member_record&) = delete;
  member_record& operator=(const member_record&) = delete;
  ~member_record() {
    if (seat) home->drop(*this);
  }

  member_home<Connection>* home;
  detail::seat<Connection>* seat;  ///< Null once it was let go.
  core::slot_id slot;
  std::shared_ptr<const backend> where;
  std::uint64_t number;                         ///< Of the set's members, in their order.
  bool told = false;                            ///< The user has heard of it.
  bool removed = false;                         ///< It is a member no longer.
  bool released = false;                        ///< The user has no more use for it.
  bool pinned = false;                          ///< It is being closed over the user's head.
  close_reason reason = close_reason::stopped;  ///< Why it was removed.
};

}  // namespace detail

/// A connection of a set: a handle that may be copied. While it is a member, the set has the connection,
/// whoever has handles. When it was removed, the connection stays as it is until the last handle goes or one
/// of them is released: so its user lets it finish what is under way, and then goes.
///
/// One thread at a time may use a handle; different handles may be used at once, as far as the connection
/// itself can (with `threading::single_threaded` all on its executor). Handles may outlive the set, but not
/// the execution context that the user gave to it.
template <class Connection>
class set_member {
 public:
  set_member() = default;

  /// False if it is of no connection.
  explicit operator bool() const noexcept { return record_ != nullptr; }

  Connection* operator->() const noexcept {
    BOOST_ASSERT_MSG(record_ && record_->seat, "cueball: a member that was let go is used");
    return record_->seat->connection.operator->();
  }

  Connection& operator*() const noexcept { return *operator->(); }

  /// The backend that it is connected to, as announced when the connection was opened.
  const cueball::backend& backend() const noexcept {
    BOOST_ASSERT_MSG(record_, "cueball: an empty member is used");
    return *record_->where;
  }

  /// The connection failed its user. It is removed (`close_reason::broken`, which he is told as of any other)
  /// and replaced. If it was up for less than `recovery.stable_after`, this counts as a failed attempt to
  /// connect. Nothing happens if it was removed before.
  void broken() noexcept {
    BOOST_ASSERT_MSG(record_, "cueball: an empty member is used");
    record_->home->broken(*record_);
  }

  /// Its user does not use it any more, whoever has handles: it is closed now if it was removed, else as soon
  /// as it is. Leaves this handle empty.
  void release() noexcept {
    BOOST_ASSERT_MSG(record_, "cueball: an empty member is used");
    const auto mine = std::exchange(record_, nullptr);
    mine->home->release(*mine);
  }

  /// Of the same connection?
  friend bool operator==(const set_member& a, const set_member& b) noexcept { return a.record_ == b.record_; }

  /// For the set.
  explicit set_member(std::shared_ptr<detail::member_record<Connection>> record) noexcept
      : record_(std::move(record)) {}

 private:
  std::shared_ptr<detail::member_record<Connection>> record_;
};

/// A set has one member more, or one less.
template <class Connection>
struct set_change {
  enum class kind : std::uint8_t {
    added,    ///< From now on it may be used.
    removed,  ///< What is under way may finish; then the user is to let it go.
  };

  kind what{};
  std::shared_ptr<const backend> where{};  ///< To which it is connected; never null in what a set tells.
  set_member<Connection> member{};         ///< removed: empty if nobody has it any more, and so it is closed.
  close_reason reason{};                   ///< removed: why.

  bool is_added() const noexcept { return what == kind::added; }
};

}  // namespace cueball
