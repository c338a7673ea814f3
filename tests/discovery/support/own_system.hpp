// SPDX-License-Identifier: BSL-1.0
/// \file
/// A network and an /etc/resolv.conf of the test's own.
#pragma once

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>

#include "support/eventually.hpp"
#include "support/server_process.hpp"

namespace support {

/// For the thread that makes it, before the first test, and those that it starts from then on: namespaces
/// with nothing but loopback, where also port 53 is free. Root may have them, others where the system lets
/// them.
class own_system {
 public:
  own_system() {
    ::unsetenv("LOCALDOMAIN");
    ::unsetenv("RES_OPTIONS");
    is_there_ = enter() && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                loopback_up() && ::access(path, F_OK) == 0;
    if (is_there_) directory_.emplace();
  }
  own_system(const own_system&) = delete;
  own_system& operator=(const own_system&) = delete;
  ~own_system() {
    for (; files_ > 0; --files_) ::umount2(path, MNT_DETACH);  // what is mounted upon cannot be removed
  }

  bool is_there() const noexcept { return is_there_; }

  /// Put over the one before at once, as a file that is renamed: nobody sees half of it.
  void configure(const std::string& resolv_conf) {
    const auto file = directory_->path() / std::to_string(files_ + 1);
    std::ofstream{file} << resolv_conf;
    if (::mount(file.c_str(), path, nullptr, MS_BIND, nullptr) != 0)
      throw std::runtime_error(std::string{path} + ": " + std::strerror(errno));
    ++files_;
  }

  /// An IPv6 address more, as soon as the system lets it be used.
  void give_loopback(const std::string& address) const {
    const int socket = ::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct {
      in6_addr address;
      std::uint32_t prefix_length;
      int interface;
    } request{{}, 64, static_cast<int>(::if_nametoindex("lo"))};
    ::inet_pton(AF_INET6, address.c_str(), &request.address);
    sockaddr_in6 with_scope{};
    with_scope.sin6_family = AF_INET6;
    with_scope.sin6_addr = request.address;
    with_scope.sin6_scope_id = static_cast<std::uint32_t>(request.interface);
    const bool is_given =
        ::ioctl(socket, SIOCSIFADDR, &request) == 0 && eventually([&] {
          return ::bind(socket, reinterpret_cast<const sockaddr*>(&with_scope), sizeof with_scope) == 0;
        });
    ::close(socket);
    if (!is_given) throw std::runtime_error(address + ": " + std::strerror(errno));
  }

 private:
  static constexpr const char* path = "/etc/resolv.conf";

  static bool enter() {
    if (::unshare(CLONE_NEWNS | CLONE_NEWNET) == 0) return true;
    const auto user = std::to_string(::geteuid()), group = std::to_string(::getegid());
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET) != 0) return false;
    std::ofstream{"/proc/self/setgroups"} << "deny";
    std::ofstream{"/proc/self/uid_map"} << "0 " + user + " 1";
    std::ofstream{"/proc/self/gid_map"} << "0 " + group + " 1";
    return true;
  }

  static bool loopback_up() {
    const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq interface{};
    std::strcpy(interface.ifr_name, "lo");
    interface.ifr_flags = IFF_UP;
    const bool is_up = ::ioctl(socket, SIOCSIFFLAGS, &interface) == 0;
    ::close(socket);
    return is_up;
  }

  bool is_there_ = false;
  int files_ = 0;
  std::optional<private_directory> directory_;
};

}  // namespace support
