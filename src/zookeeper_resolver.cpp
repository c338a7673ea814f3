// SPDX-License-Identifier: BSL-1.0
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <zookeeper/zookeeper.h>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include <cueball/detail/seed.hpp>
#include <cueball/zookeeper_resolver.hpp>

#include "discovery/backoff.hpp"
#include "discovery/data.hpp"
#include "discovery/telling.hpp"
#include "discovery/zookeeper_client.hpp"

namespace asio = boost::asio;

namespace cueball {

namespace {

class zookeeper_category_type final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "zookeeper"; }
  std::string message(int value) const override { return zerror(value); }
};

error_code zookeeper_error(int value) {
  return {value, zookeeper_category()};
}

/// A connection string, taken apart.
struct ensemble {
  std::vector<detail::host_and_port> servers{};
  std::string root{};  ///< Empty, or a path without '/' at its end.
  bool has_names = false;
};

bool is_path(const std::string& path) {
  return path.starts_with('/') && (path.size() == 1 || !path.ends_with('/')) &&
         (path + '/').find("//") == (path.size() == 1 ? 0 : path.npos) && path.find('\0') == path.npos;
}

ensemble ensemble_of(const std::string& servers) {
  const auto bad = [&] {
    detail::refuse("zookeeper_options::servers", detail::in_quotes(servers),
                   "servers such as h1:2181,[::1]:2181, with a path at the end or none");
  };
  ensemble found;
  const auto slash = servers.find('/');
  std::string_view list = servers;
  if (slash != servers.npos) {
    found.root = servers.substr(slash);
    if (!is_path(found.root)) bad();
    if (found.root == "/") found.root.clear();
    list = list.substr(0, slash);
  }
  for (bool more = true; more;) {
    const auto comma = list.find(',');
    more = comma != list.npos;
    std::string one{list.substr(0, comma)};
    if (more) list.remove_prefix(comma + 1);
    if (one.find(':') == one.npos || one.ends_with(']')) one += ":2181";
    auto server = detail::split_host_and_port(one);
    if (!server || server->host.find_first_of(" \t\r\n") != server->host.npos ||
        server->host.find('\0') != server->host.npos)
      bad();
    found.has_names = found.has_names || !detail::is_ip_address(server->host);
    found.servers.push_back(std::move(*server));
  }
  return found;
}

extern "C" void ignore_log(const char*) {}

}  // namespace

const boost::system::error_category& zookeeper_category() noexcept {
  static const zookeeper_category_type category;
  return category;
}

void check(const zookeeper_options& options) {
  using namespace std::chrono_literals;
  const detail::option_checks checks{"zookeeper_options"};
  ensemble_of(options.servers);
  if (!is_path(options.path))
    checks.out_of("path", detail::in_quotes(options.path), "a path from '/', without one at its end");
  if (options.mode != zookeeper_mode::children && options.mode != zookeeper_mode::primary)
    checks.out_of("mode", std::to_string(static_cast<int>(options.mode)), "children or primary");
  if (!options.endpoint.empty() && options.mode == zookeeper_mode::primary)
    checks.out_of("endpoint", detail::in_quotes(options.endpoint), "empty with zookeeper_mode::primary");
  checks.interval("session_timeout", options.session_timeout, 100ms, 1h);
  detail::check_discovery(checks, options);
}

namespace detail {

std::mutex& zookeeper_client_mutex() {
  static std::mutex mutex;
  return mutex;
}

/// What outlives a run.
class zookeeper_memory {
 public:
  explicit zookeeper_memory(zookeeper_options given)
      : options(std::move(given)),
        servers(ensemble_of(options.servers)),
        path(options.path == "/" && !servers.root.empty() ? servers.root : servers.root + options.path),
        random(seed_of(options.seed)),
        known(options.patience) {}

  const zookeeper_options options;
  const ensemble servers;
  const std::string path;  ///< The whole path of the node.
  random_source random;
  announcements known;

  /// By name; a primary by the empty name. What may not be read any more stays what it was, also in a run
  /// that never read it.
  std::map<std::string, std::optional<backend>> children;
};

namespace {

/// One run. All of it happens on its strand: the client is asked what it waits for (`zookeeper_interest`),
/// that is awaited, and the client is told (`zookeeper_process`). Between these the client's socket belongs
/// to it alone, since it may close it. The client's callbacks only take down what they are told.
///
/// Whoever waits holds the run; when the context is destroyed, so is the run, and with it the session.
class zookeeper_run final : public std::enable_shared_from_this<zookeeper_run> {
 public:
  zookeeper_run(std::shared_ptr<zookeeper_memory> memory, resolver_run run)
      : memory_(std::move(memory)),
        run_(std::move(run)),
        strand_(asio::make_strand(run_.executor)),
        names_(strand_),
        socket_(strand_),
        turn_(strand_),
        retry_(strand_),
        reread_(strand_),
        reconnect_delay_(memory_->options.delay, memory_->options.max_delay, memory_->options.spread),
        unreadable_delay_(memory_->options.delay, memory_->options.max_delay, memory_->options.spread) {}

  zookeeper_run(const zookeeper_run&) = delete;
  zookeeper_run& operator=(const zookeeper_run&) = delete;
  ~zookeeper_run() { close(); }

  void begin() {
    if (run_.slot.is_connected())
      // It may be emitted, or go, when the executor has gone: no strand is kept by it.
      run_.slot.assign([weak = weak_from_this()](asio::cancellation_type) {
        if (const auto self = weak.lock()) asio::post(self->strand_, [self] { self->cancel(); });
      });
    asio::post(strand_, [self = shared_from_this()] {
      self->memory_->known.begin_run();
      self->look_up();
    });
  }

 private:
  using strand_type = asio::strand<asio::any_io_executor>;

  enum class question : std::uint8_t { root, exists, child };

  struct request {
    zookeeper_run* run;
    std::uint64_t session;  ///< Answers of an earlier connection are none.
    question what;
    std::string child{};
  };

  struct answer {
    request asked;
    int result = ZOK;
    std::string data{};
    std::vector<std::string> children{};
  };

  bool is_group() const noexcept { return memory_->options.mode == zookeeper_mode::children; }

  void cancel() {
    if (std::exchange(is_over_, true)) return;
    close();
    names_.cancel();
    turn_.cancel();
    retry_.cancel();
    reread_.cancel();
    run_.complete(asio::error::operation_aborted);
  }

  void fail(error_code error, const std::string& text) const { run_.sink.failed(error, text); }

  // The session.

  void look_up() {
    if (is_over_) return;
    addresses_.clear();
    unresolved_ = 1;
    for (const auto& server : memory_->servers.servers) {
      if (is_ip_address(server.host)) {
        note_address(server.host, server.port);
        continue;
      }
      ++unresolved_;
      names_.async_resolve(server.host, std::to_string(server.port),
                           [self = shared_from_this(), &server](error_code error, const auto& found) {
                             if (self->is_over_) return;
                             if (error)
                               self->fail(error, "zookeeper_resolver: looking up the server '" + server.host +
                                                     "': " + error.message());
                             for (const auto& each : found)
                               self->note_address(each.endpoint().address().to_string(),
                                                  each.endpoint().port());
                             self->looked_up_one();
                           });
    }
    looked_up_one();
  }

  /// The client itself looks for the last colon: it knows no brackets.
  void note_address(const std::string& address, std::uint16_t port) {
    if (!addresses_.empty()) addresses_ += ',';
    addresses_ += address + ':' + std::to_string(port);
  }

  void looked_up_one() {
    if (--unresolved_ > 0) return;
    if (addresses_.empty()) return try_again();
    const auto timeout =
        std::chrono::duration_cast<std::chrono::milliseconds>(memory_->options.session_timeout).count();
    {
      const std::scoped_lock lock{zookeeper_client_mutex()};
      handle_ = zookeeper_init2(addresses_.c_str(), on_event, static_cast<int>(timeout), nullptr, this,
                                ZOO_NO_LOG_CLIENTENV, ignore_log);
    }
    if (!handle_) {
      const error_code error{errno, boost::system::system_category()};
      fail(error, "zookeeper_resolver: no session with " + memory_->options.servers + ": " + error.message());
      return try_again();
    }
    lost_in_a_row_ = 0;
    go_on();
  }

  void try_again() {
    retry_.expires_after(reconnect_delay_.next(memory_->random));
    retry_.async_wait([self = shared_from_this()](error_code error) {
      if (error || self->is_over_) return;
      if (self->handle_)
        self->go_on();
      else
        self->look_up();
    });
  }

  /// The server is told that the session is over; nobody waits until it has heard.
  void close() noexcept {
    stop_waiting();
    if (!handle_) return;
    const std::scoped_lock lock{zookeeper_client_mutex()};
    if (fd_ >= 0) {
      // The client would wait for the server to hang up, or for room to write.
      const bool has_room = (interest_ & ZOOKEEPER_WRITE) == 0;
      ::shutdown(fd_, has_room ? SHUT_RD : SHUT_RDWR);
    }
    zookeeper_close(std::exchange(handle_, nullptr));
    fd_ = -1;
    answers_.clear();
  }

  void lost(int result) {
    // The client has closed its socket.
    fd_ = -1;
    ++session_;
    is_connected_ = false;
    answers_.clear();
    in_flight_ = 0;
    due_.clear();
    unreadable_.clear();
    is_unreadable_ = false;
    is_read_anew_ = false;  // what was read so far is no answer without the rest
    reread_.cancel();

    bool session_is_over = false;
    {
      const std::scoped_lock lock{zookeeper_client_mutex()};
      session_is_over = is_unrecoverable(handle_) != ZOK;
    }
    fail(zookeeper_error(result), "zookeeper_resolver: the server " + server_ + ", asked for " +
                                      memory_->path + ": " + zerror(result));
    const auto all = std::count(addresses_.begin(), addresses_.end(), ',') + 1;
    if (session_is_over || (++lost_in_a_row_ >= all && memory_->servers.has_names)) close();
    try_again();
  }

  // The client's turns.

  void stop_waiting() noexcept {
    ++turns_;
    if (socket_.is_open()) {
      try {
        socket_.release();
      } catch (const std::exception&) {  // it is not ours any more, whatever happened
      }
    }
  }

  void wait(const timeval& limit) {
    const auto turn = turns_;
    if (fd_ >= 0) {
      error_code error;
      socket_.assign(fd_, error);
      if (error) return lost(ZSYSTEMERROR);
      const auto on_ready = [self = shared_from_this(), turn](error_code) {
        if (turn == self->turns_) self->take_turn();
      };
      if ((interest_ & ZOOKEEPER_READ) != 0)
        socket_.async_wait(asio::posix::stream_descriptor::wait_read, on_ready);
      if ((interest_ & ZOOKEEPER_WRITE) != 0)
        socket_.async_wait(asio::posix::stream_descriptor::wait_write, on_ready);
    }
    turn_.expires_after(std::chrono::seconds{limit.tv_sec} + std::chrono::microseconds{limit.tv_usec});
    turn_.async_wait([self = shared_from_this(), turn](error_code error) {
      if (!error && turn == self->turns_) self->take_turn();
    });
  }

  void take_turn() {
    if (is_over_) return;
    stop_waiting();
    turn_.cancel();
    if (fd_ >= 0) {
      pollfd ready{fd_, POLLIN | POLLOUT, 0};
      ::poll(&ready, 1, 0);
      int events = 0;
      if ((ready.revents & ~POLLOUT) != 0) events |= ZOOKEEPER_READ;
      if ((ready.revents & ~POLLIN) != 0) events |= ZOOKEEPER_WRITE;
      int result = ZOK;
      {
        const std::scoped_lock lock{zookeeper_client_mutex()};
        result = zookeeper_process(handle_, events & interest_);
      }
      if (result != ZOK && result != ZNOTHING) return lost(result);
    }
    go_on();
  }

  void go_on() {
    take_answers();
    bool connected = false;
    {
      const std::scoped_lock lock{zookeeper_client_mutex()};
      connected = zoo_state(handle_) == ZOO_CONNECTED_STATE;
    }
    // Whatever happened while there was no connection: all is read again.
    if (connected && !std::exchange(is_connected_, true)) {
      root_is_due_ = true;
      all_are_due_ = true;
    }
    if (connected) ask();

    timeval limit{};
    int result = ZOK;
    {
      const std::scoped_lock lock{zookeeper_client_mutex()};
      result = zookeeper_interest(handle_, &fd_, &interest_, &limit);
      // Once that has failed, the client names the next one.
      if (result == ZOK && !is_connected_) {
        if (const char* const server = zoo_get_current_server(handle_)) server_ = server;
        // The client's socket would be inherited by a program that is started, and the session with it.
        if (fd_ >= 0) ::fcntl(fd_, F_SETFD, FD_CLOEXEC);
      }
    }
    if (result != ZOK) return lost(result);
    wait(limit);
  }

  // What is read.

  std::string path_of(const std::string& child) const {
    return memory_->path == "/" ? '/' + child : memory_->path + '/' + child;
  }

  void ask() {
    if (root_is_due_ && !root_is_asked_in(session_)) {
      root_is_due_ = false;
      root_asked_ = session_;
      ask_one({this, session_, question::root});
    }
    constexpr std::size_t most_in_flight = 64;
    while (!due_.empty() && in_flight_ < most_in_flight) {
      auto child = std::move(due_.extract(due_.begin()).value());
      ++in_flight_;
      ask_one({this, session_, question::child, std::move(child)});
    }
  }

  bool root_is_asked_in(std::uint64_t session) const noexcept { return root_asked_ == session; }

  void ask_one(request what) {
    auto asked = std::make_unique<request>(std::move(what));
    const auto path = asked->what == question::child ? path_of(asked->child) : memory_->path;
    int result = ZOK;
    {
      const std::scoped_lock lock{zookeeper_client_mutex()};
      if (asked->what == question::exists)
        result = zoo_awexists(handle_, path.c_str(), on_event, this, on_stat, asked.get());
      else if (asked->what == question::root && is_group())
        result = zoo_awget_children(handle_, path.c_str(), on_event, this, on_children, asked.get());
      else
        result = zoo_awget(handle_, path.c_str(), on_event, this, on_data, asked.get());
    }
    if (result == ZOK)
      static_cast<void>(asked.release());  // the callback's, which is called once, at the latest by the close
    else
      answers_.push_back({.asked = std::move(*asked), .result = result});
  }

  void take_answers() {
    while (!answers_.empty())
      for (auto& each : std::exchange(answers_, {})) {
        if (each.asked.session != session_) continue;
        if (each.asked.what == question::child)
          take_child(std::move(each));
        else
          take_root(std::move(each));
      }
    take_events();
    if (is_read_anew_ && !root_is_due_ && !root_is_asked_in(session_) && due_.empty() && in_flight_ == 0)
      tell();
  }

  void take_events() {
    for (const auto& path : std::exchange(changed_, {})) {
      if (path == memory_->path)
        root_is_due_ = true;
      else if (const auto slash = path.rfind('/'); slash != path.npos)
        if (auto child = path.substr(slash + 1); memory_->children.contains(child))
          due_.insert(std::move(child));
    }
  }

  void take_root(answer got) {
    if (got.result == ZNONODE && got.asked.what == question::root) {
      useful();
      return ask_one({this, session_, question::exists});
    }
    root_asked_ = 0;
    if (got.result == ZOK && got.asked.what == question::exists) {
      root_is_due_ = true;  // it was made in between
      return;
    }
    if (got.result == ZNONODE) {
      memory_->children.clear();
      due_.clear();
      what_is_wrong_ = "the node " + memory_->path + " does not exist";
    } else if (got.result != ZOK) {
      return cannot_read(memory_->path, got.result);
    } else {
      useful();
      what_is_wrong_.clear();
      if (is_group())
        take_children(std::move(got.children));
      else
        take_primary(got.data);
    }
    is_read_anew_ = true;
  }

  void take_children(std::vector<std::string> names) {
    std::map<std::string, std::optional<backend>> now;
    for (auto& name : names) {
      const auto known = memory_->children.find(name);
      if (known == memory_->children.end() || all_are_due_) due_.insert(name);
      now.emplace(std::move(name),
                  known == memory_->children.end() ? std::nullopt : std::move(known->second));
    }
    memory_->children = std::move(now);
    std::erase_if(due_, [&](const std::string& name) { return !memory_->children.contains(name); });
    all_are_due_ = false;
  }

  void take_primary(const std::string& data) {
    memory_->children.clear();
    auto found = read_primary(data);
    if (!found.problem.empty())
      fail(errc::bad_backend, "zookeeper_resolver: the node " + memory_->path + ' ' + found.problem);
    else if (!found.where)
      what_is_wrong_ = "the node " + memory_->path + " names no primary";
    if (found.where) memory_->children.emplace("", std::move(found.where));
  }

  void take_child(answer got) {
    --in_flight_;
    const auto child = memory_->children.find(got.asked.child);
    if (child == memory_->children.end()) return;
    if (got.result == ZNONODE) {
      memory_->children.erase(child);
    } else if (got.result != ZOK) {
      unreadable_.insert(got.asked.child);
      return cannot_read(path_of(got.asked.child), got.result);
    } else {
      auto found = read_member(got.data, memory_->options.endpoint);
      if (!found.problem.empty())
        fail(errc::bad_backend,
             "zookeeper_resolver: the node " + path_of(got.asked.child) + ' ' + found.problem);
      child->second = std::move(found.where);
    }
    useful();
    is_read_anew_ = true;
  }

  /// What was known of it stays known.
  void cannot_read(const std::string& path, int result) {
    fail(zookeeper_error(result), "zookeeper_resolver: reading the node " + path + ": " + zerror(result));
    if (!std::exchange(is_unreadable_, true)) pause_ = unreadable_delay_.next(memory_->random);
    read_again_after(pause_);
  }

  void useful() noexcept {
    reconnect_delay_.reset();
    lost_in_a_row_ = 0;
  }

  void tell() {
    is_read_anew_ = false;
    std::vector<backend> all;
    for (const auto& [name, where] : memory_->children)
      if (where) all.push_back(*where);
    const auto& options = memory_->options;
    const bool wants_more =
        detail::tell(memory_->known, options.patience, run_.sink, std::move(all),
                     "zookeeper_resolver: " + (what_is_wrong_.empty()
                                                   ? "the node " + memory_->path + " has no usable backend"
                                                   : what_is_wrong_));
    if (std::exchange(is_unreadable_, false)) return;  // read again anyway
    unreadable_delay_.reset();
    if (wants_more)
      read_again_after(core::spread_out(options.reread_delay, options.spread / 2, memory_->random));
  }

  void read_again_after(duration delay) {
    reread_.expires_after(delay);
    reread_.async_wait([self = shared_from_this()](error_code error) {
      if (error || self->is_over_ || !self->is_connected_) return;
      self->root_is_due_ = true;
      self->is_unreadable_ = false;
      for (const auto& child : std::exchange(self->unreadable_, {}))
        if (self->memory_->children.contains(child)) self->due_.insert(child);
      self->stop_waiting();
      self->turn_.cancel();
      self->go_on();
    });
  }

  // What the client calls. Its C cannot be thrown through: no memory is the end of the program.

  static std::unique_ptr<request> request_of(const void* context) noexcept {
    return std::unique_ptr<request>{static_cast<request*>(const_cast<void*>(context))};
  }

  static void on_event(zhandle_t*, int type, int, const char* path, void* context) noexcept {
    if (type != ZOO_SESSION_EVENT && path) static_cast<zookeeper_run*>(context)->changed_.emplace(path);
  }

  static void on_stat(int result, const Stat*, const void* context) noexcept {
    const auto asked = request_of(context);
    asked->run->answers_.push_back({.asked = *asked, .result = result});
  }

  static void on_data(int result, const char* data, int size, const Stat*, const void* context) noexcept {
    const auto asked = request_of(context);
    answer got{.asked = *asked, .result = result};
    if (result == ZOK && data && size > 0) got.data.assign(data, static_cast<std::size_t>(size));
    asked->run->answers_.push_back(std::move(got));
  }

  static void on_children(int result, const String_vector* names, const void* context) noexcept {
    const auto asked = request_of(context);
    answer got{.asked = *asked, .result = result};
    if (result == ZOK && names) got.children.assign(names->data, names->data + names->count);
    asked->run->answers_.push_back(std::move(got));
  }

  std::shared_ptr<zookeeper_memory> memory_;
  resolver_run run_;
  strand_type strand_;
  asio::ip::tcp::resolver names_;
  asio::posix::stream_descriptor
      socket_;  ///< Closed, or the client's, which is given back before it is told.
  asio::steady_timer turn_, retry_, reread_;
  growing_delay reconnect_delay_, unreadable_delay_;
  bool is_over_ = false;

  std::string addresses_;
  std::size_t unresolved_ = 0;
  zhandle_t* handle_ = nullptr;
  std::string server_ = "(none)";  ///< That is, or was last, connected to.
  int fd_ = -1;
  int interest_ = 0;
  std::uint64_t turns_ = 0;    ///< Who waited for an earlier one has nothing to do.
  std::uint64_t session_ = 1;  ///< Counts connections.
  bool is_connected_ = false;
  std::ptrdiff_t lost_in_a_row_ = 0;

  std::vector<answer> answers_;
  std::set<std::string> changed_;  ///< Paths that the client told of.

  bool root_is_due_ = false;
  std::uint64_t root_asked_ = 0;  ///< In which session, if it is asked for now.
  bool all_are_due_ = false;      ///< All children, as soon as their names are known.
  std::set<std::string> due_;
  std::size_t in_flight_ = 0;
  std::string what_is_wrong_;
  std::set<std::string> unreadable_;
  bool is_unreadable_ = false;  ///< Something, since all was told last.
  duration pause_{};            ///< Before that is read again.
  bool is_read_anew_ = false;
};

}  // namespace

}  // namespace detail

zookeeper_resolver::zookeeper_resolver(zookeeper_options options) {
  check(options);
  memory_ = std::make_shared<detail::zookeeper_memory>(std::move(options));
}

void zookeeper_resolver::begin(const std::shared_ptr<detail::zookeeper_memory>& memory,
                               detail::resolver_run run) {
  std::make_shared<detail::zookeeper_run>(memory, std::move(run))->begin();
}

}  // namespace cueball
