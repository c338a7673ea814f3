// SPDX-License-Identifier: BSL-1.0
/// \file
/// A real etcd on loopback, of one member or of several, and what is written to it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <support/server_process.hpp>

namespace support {

/// One member.
class etcd_server {
 public:
  /// Of a cluster of its own. Waits until it serves.
  etcd_server();

  /// Of a larger one, which is waited for elsewhere.
  /// \param peers as in `--initial-cluster`
  etcd_server(std::string name, std::uint16_t port, std::uint16_t peer_port, std::string peers);

  static bool is_there() { return is_program("etcd"); }

  std::uint16_t port() const { return port_; }
  std::string endpoint() const { return "127.0.0.1:" + std::to_string(port_); }

  /// Waits until it serves, for which it needs a leader.
  void start();
  void kill() { process_->kill(); }
  /// Once it was killed: it begins with nothing, at revision 1.
  void forget() const;
  void freeze() const { process_->freeze(); }
  void thaw() const { process_->thaw(); }

  bool serves() const;

  /// Its number, and that of whom it takes for the leader ("0", or nothing: nobody).
  std::string id() const;
  std::string leader() const;

  /// It leads; it must be the leader who hands this over.
  void hand_over_to(const etcd_server& next) const;

  /// How many watches there are on this member.
  int watchers() const;

  /// \param lease 0: none
  void put(const std::string& key, const std::string& value, std::int64_t lease = 0) const;
  void remove(const std::string& key) const;

  /// Both at one revision.
  void change(const std::map<std::string, std::string>& put, const std::vector<std::string>& removed) const;
  std::int64_t grant(int seconds) const;

  /// All revisions before the present one are gone.
  void compact() const;

 private:
  friend class etcd_cluster;

  void launch();

  /// What is answered, and throws if there is no answer, or it is no success.
  std::string ask(const std::string& method, const std::string& path, const std::string& body) const;
  std::string post(const std::string& path, const std::string& body) const { return ask("POST", path, body); }

  private_directory directory_;
  std::string name_;
  std::uint16_t port_, peer_port_;
  std::string peers_;
  std::optional<server_process> process_;
};

class etcd_cluster {
 public:
  /// Started side by side; waits until all serve.
  explicit etcd_cluster(std::size_t count);

  /// "127.0.0.1:1234,..."
  std::string endpoints() const;
  std::size_t size() const { return members_.size(); }
  etcd_server& operator[](std::size_t which) { return *members_[which]; }

  /// All agree on; waits until they do.
  etcd_server& leader();

  /// The one that is watched. Waits until there is exactly one.
  std::size_t watched() const;

 private:
  std::vector<std::unique_ptr<etcd_server>> members_;
};

}  // namespace support
