// SPDX-License-Identifier: BSL-1.0
/// \file
/// The hold on one connection that a claim returns.
#pragma once

#include <memory>
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

 protected:
  ~lease_home() = default;
};

/// What a lease needs to know of its slot.
struct lease_record {
  lease_home* home = nullptr;
  std::shared_ptr<const backend> where;
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

  lease(lease&& other) noexcept
      : record_(std::exchange(other.record_, nullptr)),
        connection_(std::exchange(other.connection_, nullptr)) {}

  lease& operator=(lease&& other) noexcept {
    if (this != &other) {
      if (record_) release();
      record_ = std::exchange(other.record_, nullptr);
      connection_ = std::exchange(other.connection_, nullptr);
    }
    return *this;
  }

  ~lease() {
    if (record_) record_->home->release(*record_);
  }

  /// False if empty.
  explicit operator bool() const noexcept { return record_ != nullptr; }

  Connection* operator->() const noexcept {
    BOOST_ASSERT_MSG(record_, "cueball: an empty lease is used");
    return connection_;
  }

  Connection& operator*() const noexcept { return *operator->(); }

  /// The backend that it is connected to, as announced when the connection was opened.
  const cueball::backend& backend() const noexcept {
    BOOST_ASSERT_MSG(record_, "cueball: an empty lease is used");
    return *record_->where;
  }

  /// Gives the connection back. If it says that it is not open (`is_open()`), it is closed and replaced.
  void release() noexcept {
    auto& record = take_record();
    record.home->release(record);
  }

  /// Gives the connection back to be closed and replaced: it is not fit for further use.
  void discard() noexcept {
    auto& record = take_record();
    record.home->discard(record);
  }

  /// Takes the connection out of the pool for good; the pool opens another one. It stays on the executor that
  /// it was made with: where that is the pool's own, a connection that does I/O must not outlive the pool.
  Connection detach()
    requires std::is_move_constructible_v<Connection>
  {
    Connection taken{std::move(**this)};
    auto& record = take_record();
    record.home->detach(record);
    return taken;
  }

 private:
  friend struct detail::lease_access;

  lease(detail::lease_record& record, Connection& connection) noexcept
      : record_(&record), connection_(&connection) {}

  detail::lease_record& take_record() noexcept {
    BOOST_ASSERT_MSG(record_, "cueball: an empty lease is used");
    connection_ = nullptr;
    return *std::exchange(record_, nullptr);
  }

  detail::lease_record* record_ = nullptr;
  Connection* connection_ = nullptr;
};

namespace detail {

/// How the pool makes leases.
struct lease_access {
  template <class Connection>
  static lease<Connection> make(lease_record& record, Connection& connection) noexcept {
    return {record, connection};
  }
};

}  // namespace detail

}  // namespace cueball
