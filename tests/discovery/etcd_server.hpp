// SPDX-License-Identifier: BSL-1.0
/// \file
/// A real etcd of one member on loopback, and what is written to it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <support/server_process.hpp>

namespace support {

class etcd_server {
 public:
  /// Waits until it serves.
  etcd_server();

  static bool is_there() { return is_program("etcd"); }

  std::string endpoint() const { return "127.0.0.1:" + std::to_string(port_); }

  void start();
  void kill() { process_->kill(); }
  void freeze() const { process_->freeze(); }
  void thaw() const { process_->thaw(); }

  /// \param lease 0: none
  void put(const std::string& key, const std::string& value, std::int64_t lease = 0) const;
  void remove(const std::string& key) const;
  std::int64_t grant(int seconds) const;

  /// All revisions before the present one are gone.
  void compact() const;

 private:
  /// What is answered, and throws if there is no answer, or it is no success.
  std::string post(const std::string& path, const std::string& body) const;

  private_directory directory_;
  std::uint16_t port_, peer_port_;
  std::optional<server_process> process_;
};

}  // namespace support
