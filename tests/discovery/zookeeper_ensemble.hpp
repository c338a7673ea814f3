// SPDX-License-Identifier: BSL-1.0
/// \file
/// A real ZooKeeper ensemble on loopback, and somebody who writes to it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <support/server_process.hpp>

struct _zhandle;

namespace support {

class zookeeper_ensemble {
 public:
  /// Started side by side; waits until all serve.
  explicit zookeeper_ensemble(std::size_t count);

  static bool is_there();

  /// "127.0.0.1:1234,..."
  std::string servers() const;
  std::vector<std::uint16_t> ports() const;
  std::size_t size() const { return nodes_.size(); }

  /// The one whose number that is; there must be one.
  std::size_t leader() const;

  void kill(std::size_t which) { nodes_[which].process->kill(); }
  void start(std::size_t which);
  void freeze() const;
  void thaw() const;

  /// The connected sessions that were granted this time-out, by name; each running server is asked.
  std::set<std::string> sessions_of(std::chrono::milliseconds timeout) const;

  /// Connected or not, it has not expired. By the leader, who decides that.
  bool has_session(const std::string& name) const;

  /// Whether each that runs says what it is: leader, follower or standalone.
  bool is_serving() const;

 private:
  struct member {
    std::uint16_t port;
    std::filesystem::path config;
    std::optional<server_process> process;
  };

  /// A command of four letters; nothing, if there is no answer.
  std::string ask(const member& which, const std::string& command) const;
  std::string mode_of(const member& which) const;

  private_directory directory_;
  std::vector<member> nodes_;
};

/// Three servers, for all tests of a program: starting them takes seconds.
zookeeper_ensemble& shared_ensemble();

/// A path of the test's own, which does not exist yet.
std::string fresh_path();

/// Calls that wait for the answer, with ZooKeeper's own client. They throw when it is an error.
class zookeeper_writer {
 public:
  explicit zookeeper_writer(std::string servers);
  zookeeper_writer(const zookeeper_writer&) = delete;
  zookeeper_writer& operator=(const zookeeper_writer&) = delete;
  ~zookeeper_writer();

  enum class life : std::uint8_t { lasting, ephemeral };

  void create(const std::string& path, const std::string& data, life how = life::lasting);
  void set(const std::string& path, const std::string& data);
  void remove(const std::string& path);

  /// Nobody may read it any more.
  void forbid(const std::string& path);
  void allow(const std::string& path);

  /// Ends the session, and with it the ephemeral nodes.
  void hang_up();

 private:
  template <class Ask>
  void perform(const std::string& what, const Ask& ask);

  std::string servers_;
  _zhandle* handle_ = nullptr;
};

}  // namespace support
