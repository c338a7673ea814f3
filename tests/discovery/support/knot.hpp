// SPDX-License-Identifier: BSL-1.0
/// \file
/// A real nameserver on loopback, in a process of its own, whose zone the test changes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "support/server_process.hpp"

namespace support {

/// Knot DNS, which serves the zone `svc.test`.
class knot {
 public:
  /// Returns when it serves.
  /// \param records of the zone, as a zone file has them; SOA and NS are there
  /// \param soa TTL and minimum of the SOA, in seconds
  explicit knot(const std::string& records, unsigned soa = 1);

  /// One dynamic update (RFC 2136), which is in force when this returns.
  /// \param removed, added records as `"web.svc.test. 1 A 127.0.0.1"`, their names whole; of what is removed,
  /// a name, or a name and a type, will do
  void change(const std::vector<std::string>& removed, const std::vector<std::string>& added) const;

  void kill() { process_->kill(); }

  std::uint16_t port() const noexcept { return port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  bool update(const std::string& what) const;

  private_directory directory_;
  std::uint16_t port_;
  std::optional<server_process> process_;
};

}  // namespace support
