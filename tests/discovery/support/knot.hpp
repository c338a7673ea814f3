// SPDX-License-Identifier: BSL-1.0
/// \file
/// A real nameserver on loopback, in a process of its own, whose zone the test changes.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace support {

/// Ends the program, as one that was skipped, unless knotd and knotc are installed.
void skip_without_knot();

/// A directory that is gone with this object.
class private_directory {
 public:
  private_directory();
  ~private_directory();
  private_directory(const private_directory&) = delete;
  private_directory& operator=(const private_directory&) = delete;

  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

/// Serves the zone `svc.test`.
class knot {
 public:
  /// Returns when it serves.
  /// \param records of the zone, as a zone file has them; SOA and NS are there
  /// \param soa TTL and minimum of the SOA, in seconds
  explicit knot(const std::string& records, unsigned soa = 1);
  ~knot() { kill(); }

  /// As knotc's zone-set and zone-unset have them: `"web 1 A 127.0.0.1"`. All in one transaction.
  void change(const std::vector<std::string>& unset, const std::vector<std::string>& set);

  /// SIGKILL.
  void kill() noexcept;

  std::uint16_t port() const noexcept { return port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  int control(const std::vector<std::string>& arguments) const;

  private_directory directory_;
  std::uint16_t port_ = 0;
  pid_t process_ = 0;
};

}  // namespace support
