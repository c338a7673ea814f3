// SPDX-License-Identifier: BSL-1.0
#include "knot.hpp"

#include <fstream>
#include <sstream>
#include <stdexcept>

#include "support/eventually.hpp"

namespace support {

namespace {

std::string text_of(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream{file}.rdbuf();
  return text.str();
}

}  // namespace

knot::knot(const std::string& records, unsigned soa) : port_(free_ports(1).front()) {
  const auto here = directory_.path().string();
  const auto time = std::to_string(soa);
  std::ofstream{here + "/svc.test.zone"} << "$ORIGIN svc.test.\n$TTL 1\n@ " << time
                                         << " SOA ns admin 1 3600 600 86400 " << time
                                         << "\n@ 3600 NS ns\nns 3600 A 127.0.0.1\n"
                                         << records << '\n';
  std::ofstream{here + "/knot.conf"} << "server:\n  rundir: " << here << "\n  listen: 127.0.0.1@" << port_
                                     << "\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\n"
                                        "database:\n  storage: "
                                     << here
                                     << "\nlog:\n  - target: stdout\n    any: info\n"
                                        "acl:\n  - id: test\n    address: 127.0.0.1\n    action: update\n"
                                        "zone:\n  - domain: svc.test\n    storage: "
                                     << here
                                     << "\n    file: svc.test.zone\n    zonefile-sync: -1\n"
                                        "    journal-content: none\n    acl: test\n";
  process_.emplace(std::vector<std::string>{"knotd", "-c", here + "/knot.conf"}, here + "/log");
  if (!eventually([&] { return update("prereq yxdomain svc.test."); }))
    throw std::runtime_error("knotd does not serve:\n" + text_of(here + "/log"));
}

void knot::change(const std::vector<std::string>& removed, const std::vector<std::string>& added) const {
  std::string all;
  for (const auto& each : removed) all += "update delete " + each + '\n';
  for (const auto& each : added) all += "update add " + each + '\n';
  if (!update(all)) throw std::runtime_error("no update:\n" + all + text_of(directory_.path() / "log"));
}

/// Over TCP, where a server that is not there yet is no reason to wait.
bool knot::update(const std::string& what) const {
  const auto file = (directory_.path() / "update").string();
  std::ofstream{file} << "server 127.0.0.1 " << port_ << "\nzone svc.test.\n" << what << "\nsend\n";
  return server_process{{"nsupdate", "-v", file}, directory_.path() / "log"}.wait() == 0;
}

}  // namespace support
