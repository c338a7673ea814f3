// SPDX-License-Identifier: BSL-1.0
#include "etcd_server.hpp"

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

etcd_server::etcd_server() {
  const auto ports = free_ports(2);
  port_ = ports[0];
  peer_port_ = ports[1];
  start();
}

void etcd_server::start() {
  const std::string own = "http://" + endpoint(), peer = "http://127.0.0.1:" + std::to_string(peer_port_);
  process_.emplace(
      std::vector<std::string>{"etcd", "--name", "n1", "--data-dir", (directory_.path() / "data").string(),
                               "--listen-client-urls", own, "--advertise-client-urls", own,
                               "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                               "--initial-cluster", "n1=" + peer},
      directory_.path() / "log");
  const bool serves = eventually([&] {
    try {
      post("/v3/kv/range", R"({"key": "YQ=="})");
      return true;
    } catch (const std::exception&) {
      return false;
    }
  });
  if (!serves) throw std::runtime_error("etcd does not serve");
}

std::string etcd_server::post(const std::string& path, const std::string& body) const {
  boost::asio::io_context context;
  boost::asio::ip::tcp::socket socket{context};
  socket.connect({boost::asio::ip::make_address("127.0.0.1"), port_});
  const std::string request = "POST " + path + " HTTP/1.1\r\nHost: " + endpoint() +
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

void etcd_server::remove(const std::string& key) const {
  post("/v3/kv/deleterange", R"({"key": ")" + to_base64(key) + "\"}");
}

namespace {

std::int64_t number_in(const std::string& answer, const std::string& name) {
  const auto at = answer.find("\"" + name + "\":\"");
  if (at == answer.npos) throw std::runtime_error("no " + name + " in " + answer);
  return std::stoll(answer.substr(at + name.size() + 4));
}

}  // namespace

std::int64_t etcd_server::grant(int seconds) const {
  return number_in(post("/v3/lease/grant", R"({"TTL": )" + std::to_string(seconds) + "}"), "ID");
}

void etcd_server::compact() const {
  const auto now = number_in(post("/v3/kv/range", R"({"key": "YQ=="})"), "revision");
  post("/v3/kv/compaction", R"({"physical": true, "revision": )" + std::to_string(now) + "}");
}

}  // namespace support
