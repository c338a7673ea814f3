// SPDX-License-Identifier: BSL-1.0
/// \file
/// An echo server in a process of its own.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

namespace demo {

/// A file descriptor that is closed at the end.
class descriptor {
 public:
  descriptor() = default;
  explicit descriptor(int value) noexcept : value_(value) {}
  descriptor(descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~descriptor();

  int value() const noexcept { return value_; }

 private:
  int value_ = -1;
};

/// Ends with this object; and if this whole process ends, however it does, since the server then sees the end
/// of its input.
class server_process {
 public:
  /// Returns when the server listens. Throws `std::runtime_error` if it does not within `limit`.
  ///
  /// \param program the path of `echo_server`
  /// \param port 0: one that is free
  /// \param work how long it thinks before it answers
  server_process(const std::string& program, std::uint16_t port, std::chrono::microseconds work,
                 std::chrono::milliseconds limit = std::chrono::seconds{10});

  server_process(server_process&& other) noexcept
      : input_(std::move(other.input_)), id_(std::exchange(other.id_, 0)), port_(other.port_) {}
  server_process& operator=(server_process&&) = delete;
  ~server_process() { kill(); }

  /// SIGKILL. Returns when the process is gone, and its sockets with it.
  void kill() noexcept;

  std::uint16_t port() const noexcept { return port_; }
  pid_t id() const noexcept { return id_; }

 private:
  descriptor input_;
  pid_t id_ = 0;
  std::uint16_t port_ = 0;
};

}  // namespace demo
