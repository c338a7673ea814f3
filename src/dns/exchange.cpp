// SPDX-License-Identifier: BSL-1.0
#include "exchange.hpp"

#include <ares.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <map>
#include <memory>
#include <utility>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "library.hpp"

namespace cueball::dns {

namespace asio = boost::asio;

namespace {

/// What resolvers and paths without fragmentation agree on (DNS Flag Day 2020).
constexpr int largest_datagram = 1232;

/// The number of the interface with this name, or number; 0 if there is none.
unsigned scope_of(const std::string& name) {
  if (const auto index = ::if_nametoindex(name.c_str()); index != 0) return index;
  unsigned number = 0;
  const auto* const end = name.data() + name.size();
  return std::from_chars(name.data(), end, number).ptr == end ? number : 0;
}

/// The sockets of c-ares are as its own would be, but for two things: when it writes to a server that has
/// hung up, no signal ends the program; and an IPv6 address that holds for one link is that of `*scope`, an
/// unsigned number, since c-ares 1.18 has no scopes.
constexpr ares_socket_functions our_sockets{
    .asocket = [](int family, int type, int protocol, void*) -> ares_socket_t {
      return ::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
    },
    .aclose = [](ares_socket_t socket, void*) { return ::close(socket); },
    .aconnect =
        [](ares_socket_t socket, const sockaddr* to, ares_socklen_t size, void* scope) {
          sockaddr_in6 scoped{};
          if (to->sa_family != AF_INET6 || size != sizeof scoped) return ::connect(socket, to, size);
          std::memcpy(&scoped, to, sizeof scoped);
          if (const auto index = *static_cast<const unsigned*>(scope); index != 0)
            scoped.sin6_scope_id = index;
          return ::connect(socket, reinterpret_cast<const sockaddr*>(&scoped), sizeof scoped);
        },
    .arecvfrom = [](ares_socket_t socket, void* into, std::size_t size, int flags, sockaddr* from,
                    ares_socklen_t* from_size,
                    void*) -> ares_ssize_t { return ::recvfrom(socket, into, size, flags, from, from_size); },
    .asendv = [](ares_socket_t socket, const iovec* parts, int count, void*) -> ares_ssize_t {
      msghdr message{};
      message.msg_iov = const_cast<iovec*>(parts);
      message.msg_iovlen = static_cast<std::size_t>(count);
      return ::sendmsg(socket, &message, MSG_NOSIGNAL);
    }};

/// A channel of c-ares with one server and one question. c-ares says which sockets it wants to hear of; they
/// are watched under descriptors of our own, since c-ares closes its own when it likes.
class exchange : public std::enable_shared_from_this<exchange> {
 public:
  explicit exchange(const asio::any_io_executor& executor) : done_(executor) {}

  void start(nameserver whom, const std::string& name, record_type type, duration timeout) {
    if (const auto percent = whom.address.find('%'); percent != std::string::npos) {
      const auto interface = whom.address.substr(percent + 1);
      scope_ = scope_of(interface);
      if (scope_ == 0) return finish("there is no interface '" + interface + "'");
      whom.address.resize(percent);
    }
    auto scoped = whom.text();
    if (char name_of_link[IF_NAMESIZE]; scope_ != 0 && ::if_indextoname(scope_, name_of_link))
      scoped += std::string{'%'} + name_of_link;
    const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
    ares_options options{};
    options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_NOCHECKRESP | ARES_FLAG_EDNS;
    options.ednspsz = largest_datagram;
    options.tries = 1;
    options.timeout = static_cast<int>(std::clamp<std::int64_t>(limit, 1, 1'000'000'000)) * 2;
    options.sock_state_cb = [](void* self, ares_socket_t socket, int read, int write) {
      static_cast<exchange*>(self)->on_socket(socket, read != 0, write != 0);
    };
    options.sock_state_cb_data = this;
    int given =
        ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_TRIES | ARES_OPT_TIMEOUTMS | ARES_OPT_SOCK_STATE_CB;
#ifdef ARES_OPT_QUERY_CACHE
    options.qcache_max_ttl = 0;  // when to ask again is decided elsewhere
    given |= ARES_OPT_QUERY_CACHE;
#endif
    auto status = ::ares_init_options(&channel_, &options, given);
    if (status != ARES_SUCCESS) channel_ = nullptr;
    // Where c-ares knows of scopes, it refuses such an address without one; elsewhere, one with it.
    if (status == ARES_SUCCESS) {
      status = ::ares_set_servers_ports_csv(channel_, scoped.c_str());
      if (status != ARES_SUCCESS) status = ::ares_set_servers_ports_csv(channel_, whom.text().c_str());
    }
    if (status != ARES_SUCCESS) return finish(::ares_strerror(status));
    ::ares_set_socket_functions(channel_, &our_sockets, &scope_);
    done_.expires_after(timeout);
    ::ares_query(
        channel_, name.c_str(), 1, static_cast<int>(type),
        [](void* self, int how, int, unsigned char* bytes, int size) {
          static_cast<exchange*>(self)->on_answer(how, bytes, size);
        },
        this);
  }

  bool is_finished() const noexcept { return finished_; }
  asio::steady_timer& done() noexcept { return done_; }
  reply take() { return std::move(reply_); }

  /// Nothing is called any more from here on.
  void close() noexcept {
    closed_ = true;
    if (channel_) ::ares_destroy(std::exchange(channel_, nullptr));
    watched_.clear();
  }

 private:
  struct watch {
    explicit watch(const asio::any_io_executor& executor) : descriptor(executor) {}
    asio::posix::stream_descriptor descriptor;
    bool gone = false;
    bool wants[2] = {false, false};
    bool waits[2] = {false, false};
  };

  static constexpr asio::posix::stream_descriptor::wait_type directions[] = {
      asio::posix::stream_descriptor::wait_read, asio::posix::stream_descriptor::wait_write};

  // The callbacks of c-ares, which is written in C: nothing is thrown through it.
  void on_socket(ares_socket_t socket, bool read, bool write) noexcept try {
    if (!read && !write) {
      const auto found = watched_.find(socket);
      if (found == watched_.end()) return;
      found->second->gone = true;
      error_code ignored;
      found->second->descriptor.close(ignored);
      watched_.erase(found);
      return;
    }
    if (closed_) return;
    auto& one = watched_[socket];
    if (!one) {
      one = std::make_shared<watch>(done_.get_executor());
      const int copy = ::fcntl(socket, F_DUPFD_CLOEXEC, 0);
      if (copy < 0) return finish("no descriptor is left");
      error_code error;
      one->descriptor.assign(copy, error);
      if (error) {
        ::close(copy);
        return finish(error.message());
      }
    }
    one->wants[0] = read;
    one->wants[1] = write;
    wait(socket, one);
  } catch (const std::exception& what) {
    finish(what.what());
  }

  void on_answer(int how, const unsigned char* bytes, int size) noexcept try {
    if (closed_ || finished_) return;
    if (bytes && size > 0)
      reply_.bytes.assign(bytes, bytes + size);
    else
      reply_.problem = ::ares_strerror(how);
    reply_.timed_out = how == ARES_ETIMEOUT;
    finished_ = true;
    done_.cancel();
  } catch (const std::exception& what) {
    finish(what.what());
  }

  void finish(const std::string& problem) noexcept {
    if (std::exchange(finished_, true)) return;
    reply_.problem = problem;
    done_.cancel();
  }

  void wait(ares_socket_t socket, const std::shared_ptr<watch>& one) {
    for (const int which : {0, 1}) {
      if (!one->wants[which] || one->waits[which] || !one->descriptor.is_open()) continue;
      one->waits[which] = true;
      one->descriptor.async_wait(directions[which],
                                 [self = shared_from_this(), socket, one, which](error_code error) {
                                   one->waits[which] = false;
                                   if (!error) self->process(socket, one, which);
                                 });
    }
  }

  void process(ares_socket_t socket, const std::shared_ptr<watch>& one, int which) {
    if (closed_ || finished_ || one->gone) return;
    ::ares_process_fd(channel_, which == 0 ? socket : ARES_SOCKET_BAD, which == 1 ? socket : ARES_SOCKET_BAD);
    if (!closed_ && !finished_ && !one->gone) wait(socket, one);
  }

  library in_use_;
  asio::steady_timer done_;  ///< Runs until the answer is here, or it is too late.
  ares_channel channel_ = nullptr;
  unsigned scope_ = 0;  ///< Of the server's address.
  std::map<ares_socket_t, std::shared_ptr<watch>> watched_;
  reply reply_;
  bool finished_ = false;
  bool closed_ = false;
};

/// Closes at the end of the coroutine, even if that is destroyed.
class closed_at_end {
 public:
  explicit closed_at_end(const asio::any_io_executor& executor)
      : exchange_(std::make_shared<exchange>(executor)) {}
  ~closed_at_end() { exchange_->close(); }
  closed_at_end(const closed_at_end&) = delete;
  closed_at_end& operator=(const closed_at_end&) = delete;

  exchange* operator->() const noexcept { return exchange_.get(); }

 private:
  std::shared_ptr<exchange> exchange_;
};

}  // namespace

asio::awaitable<void> throw_if_cancelled() {
  const auto state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none)
    throw boost::system::system_error{asio::error::operation_aborted};
}

asio::awaitable<reply> ask(nameserver whom, std::string name, record_type type, duration timeout) {
  const auto executor = co_await asio::this_coro::executor;
  const closed_at_end one{executor};
  one->start(whom, name, type, timeout);
  if (!one->is_finished()) {
    error_code ignored;
    co_await one->done().async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    co_await throw_if_cancelled();
  }
  auto out = one->take();
  if (!one->is_finished()) {
    out.timed_out = true;
    out.problem = "no answer";
  }
  co_return out;
}

}  // namespace cueball::dns
