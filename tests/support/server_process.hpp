// SPDX-License-Identifier: BSL-1.0
/// \file
/// A server of somebody else's, as a process of the test's.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>

namespace support {

/// Empty for the system's, and removed with all that is in it.
class private_directory {
 public:
  private_directory() {
    std::string name = (std::filesystem::temp_directory_path() / "cueball-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::runtime_error("no directory of its own: " + name);
    path_ = name;
  }
  private_directory(const private_directory&) = delete;
  private_directory& operator=(const private_directory&) = delete;
  ~private_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Ports of 127.0.0.1 on which nobody listens, neither for TCP nor for UDP.
inline std::vector<std::uint16_t> free_ports(std::size_t count) {
  using boost::asio::ip::tcp, boost::asio::ip::udp;
  const auto loopback = boost::asio::ip::make_address("127.0.0.1");
  boost::asio::io_context context;
  std::vector<tcp::acceptor> all;
  std::vector<std::uint16_t> ports;
  while (ports.size() < count) {
    all.emplace_back(context, tcp::endpoint{loopback, 0});
    const auto port = all.back().local_endpoint().port();
    udp::socket datagrams{context, udp::v4()};
    boost::system::error_code taken;
    datagrams.bind({loopback, port}, taken);
    if (!taken) ports.push_back(port);
  }
  return ports;
}

/// Where the program is: in PATH, or where root's are, which other users often have not in theirs; a path is
/// taken as it is. Empty: it is not there.
inline std::string path_of(const std::string& name) {
  if (name.find('/') != name.npos) return ::access(name.c_str(), X_OK) == 0 ? name : std::string{};
  const char* const path = std::getenv("PATH");
  const std::string all = (path ? std::string{path} : "") + ":/usr/sbin:/usr/local/sbin";
  for (std::size_t at = 0; at <= all.size();) {
    const auto end = std::min(all.find(':', at), all.size());
    auto file = all.substr(at, end - at) + '/' + name;
    if (::access(file.c_str(), X_OK) == 0) return file;
    at = end + 1;
  }
  return {};
}

inline bool is_program(const std::string& name) {
  return !path_of(name).empty();
}

/// Ends by itself, with this object, or with the test.
class server_process {
 public:
  /// \param command a program as `path_of` finds it, and its arguments
  /// \param log where its output goes
  server_process(const std::vector<std::string>& command, const std::filesystem::path& log) {
    std::vector<char*> words;
    for (const auto& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    const std::string program = path_of(command.front());
    const std::string file = log.string();
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("no process for " + command.front());
    if (pid_ > 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int out = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(out, 1);
    ::dup2(out, 2);
    // A socket of the test's that the server held, too, would stay open when the test closes it.
    if (::close_range(3, ~0U, 0) != 0)
      for (int each = 3; each < static_cast<int>(::sysconf(_SC_OPEN_MAX)); ++each) ::close(each);
    ::execv(program.c_str(), words.data());
    ::_exit(127);
  }

  server_process(server_process&& from) noexcept : pid_(std::exchange(from.pid_, -1)) {}
  server_process& operator=(server_process&& from) noexcept {
    std::swap(pid_, from.pid_);
    return *this;
  }
  ~server_process() { kill(); }

  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

  /// Waits until it ends by itself.
  /// \return with what it ended, -1 if by a signal
  int wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  void freeze() const { ::kill(pid_, SIGSTOP); }
  void thaw() const { ::kill(pid_, SIGCONT); }
  bool is_running() const { return pid_ > 0; }

 private:
  pid_t pid_ = -1;
};

/// Before the first test: without its server the whole program is skipped, which is 77 to Meson.
struct skip_unless {
  skip_unless(bool condition, const char* what) {
    if (condition) return;
    std::fprintf(stderr, "skipped: there is no %s\n", what);
    std::_Exit(77);
  }
};

}  // namespace support
