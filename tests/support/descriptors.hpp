// SPDX-License-Identifier: BSL-1.0
/// \file
/// What a program that is started by a test would inherit.
#pragma once

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace support {

struct socket_count {
  int all = 0;
  int inherited = 0;  ///< Of these.
};

/// This process's sockets that are connected to that port, by IPv4.
inline socket_count sockets_to(std::uint16_t port) {
  socket_count found;
  for (const auto& each : std::filesystem::directory_iterator{"/proc/self/fd"}) {
    const int descriptor = std::atoi(each.path().filename().c_str());
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer), &size) != 0) continue;
    if (peer.sin_family != AF_INET || ntohs(peer.sin_port) != port) continue;
    ++found.all;
    if ((::fcntl(descriptor, F_GETFD) & FD_CLOEXEC) == 0) ++found.inherited;
  }
  return found;
}

}  // namespace support
