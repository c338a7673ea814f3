// SPDX-License-Identifier: BSL-1.0
#include "server_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <vector>

namespace demo {

namespace {

struct pipe_ends {
  descriptor read, write;
};

/// No end of it is inherited but by dup2, so that a server does not keep the pipe of another one open.
pipe_ends make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  return {descriptor{ends[0]}, descriptor{ends[1]}};
}

pid_t start(const std::string& program, std::vector<std::string> arguments, int input, int output) {
  std::vector<char*> words;
  for (auto& argument : arguments) words.push_back(argument.data());
  words.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  pid_t id = 0;
  const int error = ::posix_spawn(&id, program.c_str(), &actions, nullptr, words.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::system_error(error, std::generic_category(), program);
  return id;
}

/// One line; empty if it does not come in time or the writer has gone.
std::string read_line(int from, std::chrono::steady_clock::time_point until) {
  std::string line;
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    pollfd ready{.fd = from, .events = POLLIN, .revents = 0};
    const int polled = left > 0 ? ::poll(&ready, 1, static_cast<int>(left)) : 0;
    if (polled < 0 && errno == EINTR) continue;
    char byte = 0;
    if (polled <= 0 || ::read(from, &byte, 1) != 1) return {};
    if (byte == '\n') return line;
    line += byte;
  }
}

}  // namespace

descriptor::~descriptor() {
  if (value_ >= 0) ::close(value_);
}

server_process::server_process(const std::string& program, std::uint16_t port, std::chrono::microseconds work,
                               std::chrono::milliseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  auto input = make_pipe();
  auto output = make_pipe();
  id_ = start(program, {program, std::to_string(port), std::to_string(work.count())}, input.read.value(),
              output.write.value());
  input_ = std::move(input.write);
  output.write = {};

  const auto line = read_line(output.read.value(), until);
  if (line.empty()) {
    kill();
    throw std::runtime_error("an echo server did not start to listen on port " + std::to_string(port));
  }
  port_ = static_cast<std::uint16_t>(std::stoul(line));
}

void server_process::kill() noexcept {
  if (id_ == 0) return;
  ::kill(id_, SIGKILL);
  while (::waitpid(id_, nullptr, 0) < 0 && errno == EINTR) {
  }
  id_ = 0;
}

}  // namespace demo
