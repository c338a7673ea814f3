// SPDX-License-Identifier: BSL-1.0
#include "zookeeper_ensemble.hpp"

#include <poll.h>

#include <chrono>
#include <fstream>
#include <sstream>

#include <zookeeper/zookeeper.h>
#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <support/eventually.hpp>

#include "discovery/zookeeper_client.hpp"

namespace support {

namespace {

constexpr const char* jar = "/usr/share/java/zookeeper.jar";

}  // namespace

bool zookeeper_ensemble::is_there() {
  return is_program("java") && std::filesystem::exists(jar);
}

zookeeper_ensemble::zookeeper_ensemble(std::size_t count) {
  const auto ports = free_ports(3 * count);
  std::string members;
  for (std::size_t i = 0; i < count; ++i)
    members += "server." + std::to_string(i + 1) + "=127.0.0.1:" + std::to_string(ports[3 * i + 1]) + ':' +
               std::to_string(ports[3 * i + 2]) + '\n';
  for (std::size_t i = 0; i < count; ++i) {
    const auto home = directory_.path() / std::to_string(i + 1);
    std::filesystem::create_directory(home);
    std::ofstream{home / "myid"} << i + 1 << '\n';
    std::ofstream{home / "zoo.cfg"}
        << "tickTime=200\ninitLimit=50\nsyncLimit=10\nclientPortAddress=127.0.0.1\n"
           "admin.enableServer=false\n4lw.commands.whitelist=*\n"
           "minSessionTimeout=400\nmaxSessionTimeout=60000\n"
           "dataDir="
        << home.string() << "\nclientPort=" << ports[3 * i] << '\n'
        << (count > 1 ? members : "");
    nodes_.push_back({ports[3 * i], home / "zoo.cfg", {}});
    start(i);
  }
  for (int tries = 0; tries < 3 && !is_serving(); ++tries) eventually([&] { return is_serving(); });
  if (!is_serving()) throw std::runtime_error("the ensemble does not serve");
}

void zookeeper_ensemble::start(std::size_t which) {
  auto& node = nodes_[which];
  const auto home = node.config.parent_path();
  node.process.emplace(
      std::vector<std::string>{"java", "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp",
                               home.string() + ':' + jar, "org.apache.zookeeper.server.quorum.QuorumPeerMain",
                               node.config.string()},
      home / "log");
}

std::string zookeeper_ensemble::servers() const {
  std::string all;
  for (const auto& node : nodes_)
    all += (all.empty() ? "127.0.0.1:" : ",127.0.0.1:") + std::to_string(node.port);
  return all;
}

std::vector<std::uint16_t> zookeeper_ensemble::ports() const {
  std::vector<std::uint16_t> all;
  for (const auto& node : nodes_) all.push_back(node.port);
  return all;
}

std::string zookeeper_ensemble::ask(const member& which, const std::string& command) const {
  boost::asio::io_context context;
  boost::asio::ip::tcp::socket socket{context};
  boost::system::error_code error;
  socket.connect({boost::asio::ip::make_address("127.0.0.1"), which.port}, error);
  if (error) return {};
  boost::asio::write(socket, boost::asio::buffer(command), error);
  // A server that has just begun may take the command and never answer.
  std::string text;
  boost::asio::async_read(socket, boost::asio::dynamic_buffer(text), [](auto, auto) {});
  context.run_for(std::chrono::seconds{1});
  return text;
}

std::string zookeeper_ensemble::mode_of(const member& which) const {
  const auto text = ask(which, "srvr");
  const auto at = text.find("Mode: ");
  return at == text.npos ? "" : text.substr(at + 6, text.find('\n', at) - at - 6);
}

std::set<std::string> zookeeper_ensemble::sessions_of(std::chrono::milliseconds timeout) const {
  const std::string granted = ",to=" + std::to_string(timeout.count()) + ',';
  std::set<std::string> found;
  for (const auto& node : nodes_) {
    if (!node.process->is_running()) continue;
    std::istringstream lines{ask(node, "cons")};
    for (std::string line; std::getline(lines, line);) {
      const auto at = line.find(",sid=");
      if (at == line.npos || line.find(granted) == line.npos) continue;
      found.insert(line.substr(at + 5, line.find(',', at + 5) - at - 5));
    }
  }
  return found;
}

bool zookeeper_ensemble::has_session(const std::string& name) const {
  // A session whose expiry is put off while the leader lists them may be missing from the list, not from its
  // head: "Session Sets (4)/(2):", where the second number counts sessions.
  std::set<std::string> all;
  const bool is_told = eventually([&] {
    std::istringstream lines{ask(nodes_[leader()], "dump")};
    all.clear();
    std::string line;
    while (std::getline(lines, line) && !line.starts_with("Session Sets (")) {
    }
    const auto count = line.rfind(")/(");
    if (count == line.npos) return false;
    const std::size_t expected = std::stoul(line.substr(count + 3));
    while (std::getline(lines, line) && !line.starts_with("ephemeral nodes"))
      if (line.starts_with("\t0x")) all.insert(line.substr(1));
    return all.size() == expected;
  });
  if (!is_told) throw std::runtime_error("the leader does not tell which sessions there are");
  return all.contains(name);
}

bool zookeeper_ensemble::is_serving() const {
  for (const auto& node : nodes_)
    if (node.process->is_running() && mode_of(node).empty()) return false;
  return true;
}

std::size_t zookeeper_ensemble::leader() const {
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    if (nodes_[i].process->is_running() && mode_of(nodes_[i]) == "leader") return i;
  throw std::runtime_error("nobody leads");
}

void zookeeper_ensemble::freeze() const {
  for (const auto& node : nodes_) node.process->freeze();
}

void zookeeper_ensemble::thaw() const {
  for (const auto& node : nodes_) node.process->thaw();
}

zookeeper_ensemble& shared_ensemble() {
  static zookeeper_ensemble three{3};
  return three;
}

std::string fresh_path() {
  static int count = 0;
  return "/test" + std::to_string(++count);
}

zookeeper_writer::zookeeper_writer(std::string servers) : servers_(std::move(servers)) {}

zookeeper_writer::~zookeeper_writer() {
  hang_up();
}

void zookeeper_writer::hang_up() {
  if (!handle_) return;
  const std::scoped_lock lock{cueball::detail::zookeeper_client_mutex()};
  zookeeper_close(std::exchange(handle_, nullptr));
}

namespace {

struct result {
  bool is_there = false;
  int code = ZOK;

  static void on_void(int code, const void* to) { take(code, to); }
  static void on_string(int code, const char*, const void* to) { take(code, to); }
  static void on_stat(int code, const Stat*, const void* to) { take(code, to); }
  static void take(int code, const void* to) {
    auto& found = *static_cast<result*>(const_cast<void*>(to));
    found = {true, code};
  }
};

}  // namespace

/// \param ask makes the request; it is made again while the connection is lost
template <class Ask>
void zookeeper_writer::perform(const std::string& what, const Ask& ask) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  result got;
  bool is_asked = false, was_asked_before = false;
  while (std::chrono::steady_clock::now() < end) {
    if (handle_ && is_unrecoverable(handle_) != ZOK) hang_up();
    std::unique_lock lock{cueball::detail::zookeeper_client_mutex()};
    if (!handle_)
      handle_ = zookeeper_init2(
          servers_.c_str(), [](zhandle_t*, int, int, const char*, void*) {}, 6000, nullptr, nullptr,
          ZOO_NO_LOG_CLIENTENV, [](const char*) {});
    if (!is_asked && zoo_state(handle_) == ZOO_CONNECTED_STATE) is_asked = ask(handle_, &got) == ZOK;
    int fd = -1, interest = 0;
    timeval limit{};
    if (zookeeper_interest(handle_, &fd, &interest, &limit) == ZOK && fd >= 0) {
      pollfd ready{fd, 0, 0};
      if ((interest & ZOOKEEPER_READ) != 0) ready.events |= POLLIN;
      if ((interest & ZOOKEEPER_WRITE) != 0) ready.events |= POLLOUT;
      lock.unlock();
      ::poll(&ready, 1, 50);
      lock.lock();
      int events = 0;
      if ((ready.revents & ~POLLOUT) != 0) events |= ZOOKEEPER_READ;
      if ((ready.revents & ~POLLIN) != 0) events |= ZOOKEEPER_WRITE;
      zookeeper_process(handle_, events);
    } else {
      lock.unlock();
      ::poll(nullptr, 0, 10);
    }
    if (!got.is_there) continue;
    if (got.code == ZOK) return;
    if (was_asked_before && (got.code == ZNODEEXISTS || got.code == ZNONODE)) return;  // it was heard
    if (got.code != ZCONNECTIONLOSS && got.code != ZOPERATIONTIMEOUT && got.code != ZSESSIONEXPIRED)
      throw std::runtime_error(what + ": " + zerror(got.code));
    is_asked = false;
    was_asked_before = true;
    got = {};
  }
  throw std::runtime_error(what + ": no answer");
}

void zookeeper_writer::create(const std::string& path, const std::string& data, life how) {
  perform("create " + path, [&](zhandle_t* handle, result* to) {
    return zoo_acreate(handle, path.c_str(), data.data(), static_cast<int>(data.size()), &ZOO_OPEN_ACL_UNSAFE,
                       how == life::ephemeral ? ZOO_EPHEMERAL : 0, result::on_string, to);
  });
}

void zookeeper_writer::set(const std::string& path, const std::string& data) {
  perform("set " + path, [&](zhandle_t* handle, result* to) {
    return zoo_aset(handle, path.c_str(), data.data(), static_cast<int>(data.size()), -1, result::on_stat,
                    to);
  });
}

void zookeeper_writer::remove(const std::string& path) {
  perform("remove " + path, [&](zhandle_t* handle, result* to) {
    return zoo_adelete(handle, path.c_str(), -1, result::on_void, to);
  });
}

void zookeeper_writer::forbid(const std::string& path) {
  static char world[] = "world", anyone[] = "anyone";
  ACL all[] = {{ZOO_PERM_ALL & ~ZOO_PERM_READ, {world, anyone}}};
  ACL_vector list{1, all};
  perform("forbid " + path, [&](zhandle_t* handle, result* to) {
    return zoo_aset_acl(handle, path.c_str(), -1, &list, result::on_void, to);
  });
}

void zookeeper_writer::allow(const std::string& path) {
  perform("allow " + path, [&](zhandle_t* handle, result* to) {
    return zoo_aset_acl(handle, path.c_str(), -1, &ZOO_OPEN_ACL_UNSAFE, result::on_void, to);
  });
}

}  // namespace support
