// SPDX-License-Identifier: BSL-1.0
#include "etcd_server.hpp"

#include <filesystem>
#include <stdexcept>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <support/eventually.hpp>

#include "discovery/gateway.hpp"

namespace support {

using cueball::detail::to_base64;

namespace {

/// The text of a 64-bit number, which JSON has as a string; "" if it is 0, and so left out.
std::string digits_in(const std::string& answer, const std::string& name) {
  const auto at = answer.find("\"" + name + "\":\"");
  if (at == answer.npos) return {};
  const auto begin = at + name.size() + 4;
  return answer.substr(begin, answer.find('"', begin) - begin);
}

std::int64_t number_in(const std::string& answer, const std::string& name) {
  const auto digits = digits_in(answer, name);
  if (digits.empty()) throw std::runtime_error("no " + name + " in " + answer);
  return std::stoll(digits);
}

std::string url(std::uint16_t port) {
  return "http://127.0.0.1:" + std::to_string(port);
}

}  // namespace

etcd_server::etcd_server(std::string name, std::uint16_t port, std::uint16_t peer_port, std::string peers)
    : name_(std::move(name)), port_(port), peer_port_(peer_port), peers_(std::move(peers)) {
  launch();
}

etcd_server::etcd_server() : name_("n1") {
  const auto ports = free_ports(2);
  port_ = ports[0];
  peer_port_ = ports[1];
  peers_ = name_ + '=' + url(peer_port_);
  start();
}

void etcd_server::launch() {
  const std::string own = url(port_), peer = url(peer_port_);
  process_.emplace(
      std::vector<std::string>{"etcd", "--name", name_, "--data-dir", (directory_.path() / "data").string(),
                               "--listen-client-urls", own, "--advertise-client-urls", own,
                               "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                               "--initial-cluster", peers_},
      directory_.path() / "log");
}

void etcd_server::start() {
  launch();
  if (!eventually([&] { return serves(); })) throw std::runtime_error("etcd does not serve");
}

void etcd_server::forget() const {
  std::filesystem::remove_all(directory_.path() / "data");
}

bool etcd_server::serves() const {
  try {
    post("/v3/kv/range", R"({"key": "YQ=="})");
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

std::string etcd_server::ask(const std::string& method, const std::string& path,
                             const std::string& body) const {
  boost::asio::io_context context;
  boost::asio::ip::tcp::socket socket{context};
  socket.connect({boost::asio::ip::make_address("127.0.0.1"), port_});
  const std::string request = method + ' ' + path + " HTTP/1.1\r\nHost: " + endpoint() +
                              "\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) +
                              "\r\n\r\n" + body;
  boost::asio::write(socket, boost::asio::buffer(request));
  std::string answer;
  boost::system::error_code until_closed;
  boost::asio::read(socket, boost::asio::dynamic_buffer(answer), until_closed);
  if (!answer.starts_with("HTTP/1.1 200")) throw std::runtime_error(path + ": " + answer);
  return answer;
}

void etcd_server::put(const std::string& key, const std::string& value, std::int64_t lease) const {
  post("/v3/kv/put", R"({"key": ")" + to_base64(key) + R"(", "value": ")" + to_base64(value) +
                         R"(", "lease": ")" + std::to_string(lease) + "\"}");
}

void etcd_server::change(const std::map<std::string, std::string>& put,
                         const std::vector<std::string>& removed) const {
  std::string all;
  const auto add = [&](const std::string& what) { all += (all.empty() ? "" : ", ") + what; };
  for (const auto& [key, value] : put)
    add(R"({"request_put": {"key": ")" + to_base64(key) + R"(", "value": ")" + to_base64(value) + "\"}}");
  for (const auto& key : removed) add(R"({"request_delete_range": {"key": ")" + to_base64(key) + "\"}}");
  post("/v3/kv/txn", R"({"success": [)" + all + "]}");
}

void etcd_server::remove(const std::string& key) const {
  post("/v3/kv/deleterange", R"({"key": ")" + to_base64(key) + "\"}");
}

std::string etcd_server::id() const {
  return digits_in(post("/v3/maintenance/status", "{}"), "member_id");
}

std::string etcd_server::leader() const {
  return digits_in(post("/v3/maintenance/status", "{}"), "leader");
}

void etcd_server::hand_over_to(const etcd_server& next) const {
  post("/v3/maintenance/transfer-leadership", R"({"targetID": ")" + next.id() + "\"}");
}

int etcd_server::watchers() const {
  const auto metrics = ask("GET", "/metrics", "");
  const std::string name = "\netcd_debugging_mvcc_watcher_total ";
  const auto at = metrics.find(name);
  if (at == metrics.npos) throw std::runtime_error("etcd does not count its watches");
  return std::stoi(metrics.substr(at + name.size()));
}

std::int64_t etcd_server::grant(int seconds) const {
  return number_in(post("/v3/lease/grant", R"({"TTL": )" + std::to_string(seconds) + "}"), "ID");
}

void etcd_server::compact() const {
  const auto now = number_in(post("/v3/kv/range", R"({"key": "YQ=="})"), "revision");
  post("/v3/kv/compaction", R"({"physical": true, "revision": )" + std::to_string(now) + "}");
}

etcd_cluster::etcd_cluster(std::size_t count) {
  const auto ports = free_ports(2 * count);
  const auto name = [](std::size_t i) { return "n" + std::to_string(i + 1); };
  std::string peers;
  for (std::size_t i = 0; i < count; ++i) peers += (i > 0 ? "," : "") + name(i) + '=' + url(ports[2 * i + 1]);
  for (std::size_t i = 0; i < count; ++i)
    members_.push_back(std::make_unique<etcd_server>(name(i), ports[2 * i], ports[2 * i + 1], peers));
  for (const auto& each : members_)
    for (int tries = 0; !eventually([&] { return each->serves(); }); ++tries)
      if (tries == 3) throw std::runtime_error("the cluster does not serve");
}

std::string etcd_cluster::endpoints() const {
  std::string all;
  for (const auto& each : members_) all += (all.empty() ? "" : ",") + each->endpoint();
  return all;
}

etcd_server& etcd_cluster::leader() {
  etcd_server* found = nullptr;
  const bool agree = eventually([&] {
    const auto leader = members_.front()->leader();
    for (const auto& each : members_) {
      if (each->leader() != leader) return false;
      if (each->id() == leader) found = each.get();
    }
    return found != nullptr;
  });
  if (!agree) throw std::runtime_error("nobody leads");
  return *found;
}

std::size_t etcd_cluster::watched() const {
  std::size_t found = 0;
  const bool is_one = eventually([&] {
    int all = 0;
    for (std::size_t i = 0; i < members_.size(); ++i)
      if (const int here = members_[i]->watchers(); here > 0) {
        found = i;
        all += here;
      }
    return all == 1;
  });
  if (!is_one) {
    std::string counts;
    for (const auto& each : members_) counts += " " + std::to_string(each->watchers());
    throw std::runtime_error("there is not one watch, but" + counts);
  }
  return found;
}

}  // namespace support
