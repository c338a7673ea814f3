// SPDX-License-Identifier: BSL-1.0
#include "knot.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <initializer_list>
#include <iostream>
#include <sstream>
#include <stdexcept>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>

#include "support/eventually.hpp"

namespace support {

namespace fs = std::filesystem;
namespace asio = boost::asio;

namespace {

std::string path_of(const char* program) {
  for (const auto* const directory : {"/usr/sbin/", "/usr/bin/", "/usr/local/sbin/", "/usr/local/bin/"})
    if (::access((std::string{directory} + program).c_str(), X_OK) == 0)
      return std::string{directory} + program;
  return {};
}

/// What it prints goes to the file `log`.
pid_t spawn(const std::vector<std::string>& command, const fs::path& log) {
  std::vector<char*> arguments;
  for (const auto& each : command) arguments.push_back(const_cast<char*>(each.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
  pid_t process = 0;
  const int error = ::posix_spawn(&process, arguments[0], &files, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&files);
  if (error != 0) throw std::runtime_error("cannot start " + command.front());
  return process;
}

int wait_for(pid_t process) {
  int status = 0;
  while (::waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// Free for both UDP and TCP.
std::uint16_t free_port() {
  asio::io_context context;
  for (;;) {
    const asio::ip::tcp::acceptor tcp{context, {asio::ip::address_v4::loopback(), 0}};
    const auto port = tcp.local_endpoint().port();
    boost::system::error_code taken;
    asio::ip::udp::socket udp{context, asio::ip::udp::v4()};
    udp.bind({asio::ip::address_v4::loopback(), port}, taken);
    if (!taken) return port;
  }
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in{text};
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

}  // namespace

void skip_without_knot() {
  for (const auto* const program : {"knotd", "knotc"})
    if (path_of(program).empty()) {
      std::cerr << "skipped: there is no " << program << '\n';
      std::_Exit(77);
    }
}

private_directory::private_directory() {
  auto name = (fs::temp_directory_path() / "cueball-XXXXXX").string();
  if (!::mkdtemp(name.data())) throw std::runtime_error("cannot make a directory");
  path_ = name;
}

private_directory::~private_directory() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

knot::knot(const std::string& records, unsigned soa) : port_(free_port()) {
  const auto here = directory_.path().string();
  const auto time = std::to_string(soa);
  std::ofstream{here + "/svc.test.zone"} << "$ORIGIN svc.test.\n$TTL 1\n@ " << time
                                         << " SOA ns admin 1 3600 600 86400 " << time
                                         << "\n@ 3600 NS ns\nns 3600 A 127.0.0.1\n"
                                         << records << '\n';
  std::ofstream{here + "/knot.conf"} << "server:\n  rundir: " << here << "\n  listen: 127.0.0.1@" << port_
                                     << "\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\n"
                                        "control:\n  listen: knot.sock\n"
                                        "database:\n  storage: "
                                     << here
                                     << "\nlog:\n  - target: stdout\n    any: info\n"
                                        "zone:\n  - domain: svc.test\n    storage: "
                                     << here
                                     << "\n    file: svc.test.zone\n    zonefile-sync: -1\n"
                                        "    journal-content: none\n";
  process_ = spawn({path_of("knotd"), "-c", here + "/knot.conf"}, directory_.path() / "log");
  if (!eventually([&] { return control({"zone-read", "svc.test", "@", "SOA"}) == 0; })) {
    std::ostringstream log;
    log << std::ifstream{here + "/log"}.rdbuf();
    kill();
    throw std::runtime_error("knotd does not serve:\n" + log.str());
  }
}

void knot::change(const std::vector<std::string>& unset, const std::vector<std::string>& set) {
  std::vector<std::vector<std::string>> commands{{"zone-begin", "svc.test"}};
  const auto add = [&](const char* what, const std::string& record) {
    commands.push_back({what, "svc.test"});
    for (const auto& word : words_of(record)) commands.back().push_back(word);
  };
  for (const auto& each : unset) add("zone-unset", each);
  for (const auto& each : set) add("zone-set", each);
  commands.push_back({"zone-commit", "svc.test"});
  for (const auto& each : commands)
    if (control(each) != 0) throw std::runtime_error("knotc " + each.front() + " failed");
}

int knot::control(const std::vector<std::string>& arguments) const {
  std::vector<std::string> command{path_of("knotc"), "-s", (directory_.path() / "knot.sock").string()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return wait_for(spawn(command, directory_.path() / "log"));
}

void knot::kill() noexcept {
  if (process_ == 0) return;
  ::kill(process_, SIGKILL);
  wait_for(process_);
  process_ = 0;
}

}  // namespace support
