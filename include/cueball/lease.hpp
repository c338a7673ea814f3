// SPDX-License-Identifier: BSL-1.0
/// \file
/// The hold on one connection that a claim returns.
#pragma once

#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include <boost/assert.hpp>

#include <cueball/backend.hpp>

namespace cueball {

namespace detail {

struct lease_record;
struct lease_access;

/// Where leases return to, whatever the pool's type.
class lease_home {
 public:
  virtual void release(lease_record& record) noexcept = 0;
  virtual void discard(lease_record& record) noexcept = 0;
  virtual void detach(lease_record& record) noexcept = 0;
  virtual const backend& where(lease_record& record) const noexcept = 0;

 protected:
  ~lease_home() = default;
};

/// A slot, to the home of its lease.
struct lease_record {};

/// Room for a connection. Whether there is one is known to who uses it: so it takes no byte more.
template <class Connection>
class connection_room {
 public:
  connection_room() noexcept {}
  ~connection_room() {}
  connection_room(const connection_room&) = delete;
  connection_room& operator=(const connection_room&) = delete;

  /// \pre It is empty.
  template <class Make>
  void emplace(Make make) {
    ::new (static_cast<void*>(std::addressof(connection_))) Connection(make());
  }

  /// \pre It is not empty.
  void reset() noexcept { std::destroy_at(std::addressof(connection_)); }

  Connection& operator*() noexcept { return connection_; }
  Connection* operator->() noexcept { return std::addressof(connection_); }

 private:
  union {
    Connection connection_;
  };
};

/// A slot, to a lease.
template <class Connection>
struct seat : lease_record {
  connection_room<Connection> connection;
};

}  // namespace detail

/// Releases its connection to the pool at the end of its scope. Move-only, two words, no trace of the
/// policies in its type. Empty after `release`, `discard`, `detach` or a move, and as `try_claim` returns it
/// when there is none; using an empty one is a mistake that `BOOST_ASSERT` catches.
///
/// One thread at a time may use a lease; it may be released on another thread than it was claimed on (except
/// with `threading::single_threaded`). It may outlive the pool, but not the execution context that the user
/// gave to it.
template <class Connection>
class [[nodiscard]] lease {
 public:
  lease() = default;

  lease(lease&& other) noexcept : seat_(std::exchange(other.seat_, nullptr)), home_(other.home_) {}

  lease& operator=(lease&& other) noexcept {
    if (this != &other) {
      if (seat_) release();
      seat_ = std::exchange(other.seat_, nullptr);
      home_ = other.home_;
    }
    return *this;
  }

  ~lease() {
    if (seat_) home_->release(*seat_);
  }

  /// False if empty.
  explicit operator bool() const noexcept { return seat_ != nullptr; }

  Connection* operator->() const noexcept {
    BOOST_ASSERT_MSG(seat_, "cueball: an empty lease is used");
    return seat_->connection.operator->();
  }

  Connection& operator*() const noexcept { return *operator->(); }

  /// The backend that it is connected to, as announced when the connection was opened.
  const cueball::backend& backend() const noexcept {
    BOOST_ASSERT_MSG(seat_, "cueball: an empty lease is used");
    return home_->where(*seat_);
  }

  /// Gives the connection back. If it says that it is not open (`is_open()`), it is closed and replaced.
  void release() noexcept {
    auto& mine = take_seat();  // first: an empty lease has no home
    home_->release(mine);
  }

  /// Gives the connection back to be closed and replaced: it failed. If it had not been of use before, this
  /// counts as a failed attempt to connect, so that the pool does not hammer a backend that accepts and then
  /// does nothing. (`detach` one that did its work and cannot be used twice.)
  void discard() noexcept {
    auto& mine = take_seat();
    home_->discard(mine);
  }

  /// Takes the connection out of the pool for good; the pool opens another one. It stays on the executor that
  /// it was made with: where that is the pool's own, a connection that does I/O must not outlive the pool.
  Connection detach()
    requires std::is_move_constructible_v<Connection>
  {
    Connection taken{std::move(**this)};
    home_->detach(take_seat());
    return taken;
  }

 private:
  friend struct detail::lease_access;

  lease(detail::lease_home& home, detail::seat<Connection>& seat) noexcept : seat_(&seat), home_(&home) {}

  detail::seat<Connection>& take_seat() noexcept {
    BOOST_ASSERT_MSG(seat_, "cueball: an empty lease is used");
    return *std::exchange(seat_, nullptr);
  }

  detail::seat<Connection>* seat_ = nullptr;
  detail::lease_home* home_ = nullptr;
};

namespace detail {

/// How the pool makes leases.
struct lease_access {
  template <class Connection>
  static lease<Connection> make(lease_home& home, seat<Connection>& seat) noexcept {
    return {home, seat};
  }
};

}  // namespace detail

}  // namespace cueball
