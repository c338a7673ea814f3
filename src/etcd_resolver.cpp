// SPDX-License-Identifier: BSL-1.0
#include <algorithm>
#include <chrono>
#include <exception>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <cueball/detail/open_socket.hpp>
#include <cueball/detail/seed.hpp>
#include <cueball/detail/what.hpp>
#include <cueball/etcd_resolver.hpp>

#include "discovery/backoff.hpp"
#include "discovery/data.hpp"
#include "discovery/gateway.hpp"
#include "discovery/telling.hpp"

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

namespace cueball {

namespace {

std::vector<detail::host_and_port> members_of(const std::string& endpoints) {
  std::vector<detail::host_and_port> found;
  std::string_view list = endpoints;
  for (bool more = true; more;) {
    const auto comma = list.find(',');
    more = comma != list.npos;
    std::string one{list.substr(0, comma)};
    if (more) list.remove_prefix(comma + 1);
    if (one.starts_with("http://")) one.erase(0, 7);
    if (one.ends_with('/')) one.pop_back();
    if (one.find(':') == one.npos || one.ends_with(']')) one += ":2379";
    auto member = detail::split_host_and_port(one);
    if (!member || member->host.find_first_of(std::string_view{" \t\r\n/@\0", 7}) != member->host.npos)
      detail::refuse("etcd_options::endpoints", detail::in_quotes(endpoints),
                     "members such as http://h1:2379,[::1]:2379, without TLS");
    found.push_back(std::move(*member));
  }
  return found;
}

/// More than this is not read, be it a whole answer or one message of a watch.
constexpr std::size_t longest_answer = std::size_t{16} << 20U;

}  // namespace

void check(const etcd_options& options) {
  using namespace std::chrono_literals;
  const detail::option_checks checks{"etcd_options"};
  members_of(options.endpoints);
  if (options.prefix.empty()) checks.out_of("prefix", "''", "at least one character");
  checks.interval("timeout", options.timeout);
  checks.interval("idle_limit", options.idle_limit, 100ms);
  detail::check_discovery(checks, options);
}

namespace detail {

/// What outlives a run.
class etcd_memory {
 public:
  explicit etcd_memory(etcd_options given)
      : options(std::move(given)),
        members(members_of(options.endpoints)),
        random(seed_of(options.seed)),
        known(options.patience),
        turn(random.below(static_cast<std::uint32_t>(members.size()))) {}

  const etcd_options options;
  const std::vector<host_and_port> members;
  random_source random;
  announcements known;
  std::size_t turn;  ///< Which member is asked; not all programs begin with the same one.
};

namespace {

constexpr auto to_tuple = asio::as_tuple(asio::use_awaitable);

/// One run: a coroutine on its strand. Whoever waits holds the run.
class etcd_run final : public std::enable_shared_from_this<etcd_run> {
 public:
  etcd_run(std::shared_ptr<etcd_memory> memory, resolver_run run)
      : memory_(std::move(memory)),
        run_(std::move(run)),
        strand_(asio::make_strand(run_.executor)),
        names_(strand_),
        stream_(strand_),
        pause_(strand_),
        delay_(memory_->options.delay, memory_->options.max_delay, memory_->options.spread) {}

  void begin() {
    if (run_.slot.is_connected())
      // It may be emitted, or go, when the executor has gone: no strand is kept by it.
      run_.slot.assign([weak = weak_from_this()](asio::cancellation_type) {
        if (const auto self = weak.lock()) asio::post(self->strand_, [self] { self->cancel(); });
      });
    asio::post(strand_, [self = shared_from_this()] {
      if (self->is_over_) return;
      self->memory_->known.begin_run();
      asio::co_spawn(self->strand_, self->follow(self), [self](const std::exception_ptr& thrown) {
        if (thrown) self->give_up(thrown);
      });
    });
  }

 private:
  /// How following one member ended.
  struct end {
    error_code error{};
    std::string text{};
    bool is_failure = true;
  };

  struct entry {
    std::string value;
    std::optional<backend> where;
  };

  void cancel() {
    if (std::exchange(is_over_, true)) return;
    names_.cancel();
    stream_.close();
    pause_.cancel();
    run_.complete(asio::error::operation_aborted);
  }

  void give_up(const std::exception_ptr& thrown) {
    const auto why = failure_of(errc::resolver_failed, [&] { std::rethrow_exception(thrown); });
    if (std::exchange(is_over_, true)) return;
    stream_.close();
    run_.sink.failed(why.error, "etcd_resolver: " + why.text);
    run_.complete(why.error);
  }

  const host_and_port& member() const { return memory_->members[memory_->turn]; }

  std::string name_of_member() const {
    const auto& [host, port] = member();
    return (host.find(':') == host.npos ? host : '[' + host + ']') + ':' + std::to_string(port);
  }

  /// Is given what keeps the run alive.
  asio::awaitable<void> follow(std::shared_ptr<etcd_run>) {
    while (!is_over_) {
      brought_news_ = false;
      watching_since_ = never_comes;
      end how = co_await follow_one();
      stream_.close();
      if (is_over_) break;
      const auto now = std::chrono::steady_clock::now();
      if (brought_news_ ||
          (watching_since_ != never_comes && now - watching_since_ >= memory_->options.max_delay))
        delay_.reset();
      if (is_due_again_) continue;
      if (how.is_failure) {
        run_.sink.failed(how.error, "etcd_resolver: " + name_of_member() +
                                        ", asked for the keys that begin with " +
                                        in_quotes(memory_->options.prefix) + ": " + how.text);
        memory_->turn = (memory_->turn + 1) % memory_->members.size();
      }
      pause_.expires_after(delay_.next(memory_->random));
      co_await pause_.async_wait(to_tuple);
    }
  }

  static end failed(error_code error) { return {error, error.message()}; }

  static end refused(std::string text) { return {errc::resolver_failed, std::move(text)}; }

  /// Until the stream is lost, or has been silent for too long.
  asio::awaitable<end> follow_one() {
    is_due_again_ = false;
    if (const auto error = co_await connect()) co_return failed(error);

    // What there is.
    if (const auto error = co_await ask("/v3/kv/range", range_request(memory_->options.prefix)))
      co_return failed(error);
    std::int64_t revision = 0;
    {
      http::response_parser<http::string_body> parser;
      parser.body_limit(longest_answer);
      const auto [error, size] = co_await http::async_read(stream_, bytes_, parser, to_tuple);
      if (is_over_) co_return end{};
      if (error) co_return failed(error);
      const auto& answer = parser.get();
      if (answer.result() != http::status::ok)
        co_return refused("HTTP " + std::to_string(answer.result_int()) + ' ' + in_quotes(answer.body()));
      auto all = read_range(answer.body());
      if (!all.problem.empty()) co_return refused("the answer is malformed: " + all.problem);
      revision = all.revision;
      take(std::move(all));
      if (!parser.keep_alive())
        if (const auto again = co_await connect()) co_return failed(again);
    }

    // What becomes of it.
    if (const auto error = co_await ask("/v3/watch", watch_request(memory_->options.prefix, revision + 1)))
      co_return failed(error);
    co_return co_await watch();
  }

  asio::awaitable<end> watch() {
    http::response_parser<http::string_body> parser;
    parser.body_limit(boost::none);  // it goes on for ever; its messages are bounded
    {
      const auto [error, size] = co_await http::async_read_header(stream_, bytes_, parser, to_tuple);
      if (is_over_) co_return end{};
      if (error) co_return failed(error);
      if (parser.get().result() != http::status::ok)
        co_return refused("the watch: HTTP " + std::to_string(parser.get().result_int()));
      // As much would be allocated before any of it has come.
      if (parser.content_length().value_or(0) > longest_answer) co_return refused("the watch is too long");
    }
    std::string& body = parser.get().body();
    bool is_created = false;
    for (std::size_t searched = 0;;) {
      for (auto line_end = body.find('\n', searched); line_end != body.npos; line_end = body.find('\n')) {
        const auto got = read_watch(std::string_view{body}.substr(0, line_end));
        if (!got.problem.empty()) co_return refused("a message of the watch is malformed: " + got.problem);
        if (got.compact_revision > 0) co_return end{{}, "compacted", false};
        if (got.is_cancelled)
          co_return refused("the watch was cancelled: " + in_quotes(body.substr(0, line_end)));
        if (got.is_created && !std::exchange(is_created, true))
          watching_since_ = std::chrono::steady_clock::now();
        if (!got.events.empty()) take(got);
        body.erase(0, line_end + 1);
      }
      searched = body.size();
      if (body.size() > longest_answer) co_return refused("a message of the watch is too long");
      if (parser.is_done()) co_return refused("the watch has ended");

      if (is_created) {
        // Programs that heard of the same change do not all ask again at the same time.
        const auto now = std::chrono::steady_clock::now();
        const auto& options = memory_->options;
        const auto limit =
            core::part_of(options.idle_limit, 1.0 - options.spread / 2 * memory_->random.fraction());
        stream_.expires_at(std::min(after(now, limit), std::max(now, reread_at_)));
      }
      const auto [error, size] = co_await http::async_read_some(stream_, bytes_, parser, to_tuple);
      if (is_over_) co_return end{};
      if (error == beast::error::timeout && is_created) {
        is_due_again_ = true;
        co_return end{};
      }
      if (error) co_return failed(error);
    }
  }

  asio::awaitable<error_code> connect() {
    stream_.close();
    bytes_.clear();
    const auto& [host, port] = member();
    std::vector<asio::ip::tcp::endpoint> where;
    if (is_ip_address(host)) {
      where.emplace_back(asio::ip::make_address(host), port);
    } else {
      const auto [error, found] = co_await names_.async_resolve(host, std::to_string(port), to_tuple);
      if (is_over_) co_return asio::error::operation_aborted;
      if (error) co_return error;
      for (const auto& each : found) where.push_back(each.endpoint());
    }
    stream_.expires_after(memory_->options.timeout);  // of all of them together
    error_code last = asio::error::host_not_found;
    for (const auto& each : where) {
      stream_.close();
      last = open_socket(stream_.socket(), each.protocol());
      if (last) continue;
      std::tie(last) = co_await stream_.async_connect(each, to_tuple);
      if (is_over_) co_return asio::error::operation_aborted;
      if (!last || last == beast::error::timeout) break;
    }
    co_return last;
  }

  /// From here, or from the connect, the time-out runs until the answer is there.
  asio::awaitable<error_code> ask(const char* what, std::string body) {
    http::request<http::string_body> request{http::verb::post, what, 11, std::move(body)};
    request.set(http::field::host, name_of_member());
    request.set(http::field::content_type, "application/json");
    request.prepare_payload();
    stream_.expires_after(memory_->options.timeout);
    const auto [error, size] = co_await http::async_write(stream_, request, to_tuple);
    if (is_over_) co_return asio::error::operation_aborted;
    co_return error;
  }

  void take(range_answer all) {
    auto before = std::exchange(entries_, {});
    for (auto& [key, value] : all.values) {
      const auto known = before.find(key);
      if (known != before.end() && known->second.value == value)
        entries_.insert(before.extract(known));
      else
        put(key, std::move(value));
    }
    tell();
  }

  void take(const watch_answer& got) {
    brought_news_ = true;
    for (const auto& each : got.events) {
      if (!each.value)
        entries_.erase(each.key);
      else if (const auto known = entries_.find(each.key);
               known == entries_.end() || known->second.value != *each.value)
        put(each.key, *each.value);
    }
    tell();
  }

  void put(const std::string& key, std::string value) {
    auto found = read_member(value, memory_->options.endpoint);
    if (!found.problem.empty())
      run_.sink.failed(errc::bad_backend, "etcd_resolver: the key " + in_quotes(key) + ' ' + found.problem);
    entries_.insert_or_assign(key, entry{std::move(value), std::move(found.where)});
  }

  void tell() {
    const auto& options = memory_->options;
    std::vector<backend> all;
    for (const auto& [key, each] : entries_)
      if (each.where) all.push_back(*each.where);
    const bool wants_more = detail::tell(
        memory_->known, options.patience, run_.sink, std::move(all),
        "etcd_resolver: no key that begins with " + in_quotes(options.prefix) + " has a usable backend");
    reread_at_ = wants_more
                     ? after(std::chrono::steady_clock::now(),
                             core::spread_out(options.reread_delay, options.spread / 2, memory_->random))
                     : never_comes;
  }

  std::shared_ptr<etcd_memory> memory_;
  resolver_run run_;
  asio::strand<asio::any_io_executor> strand_;
  asio::ip::basic_resolver<asio::ip::tcp> names_;
  beast::tcp_stream stream_;
  beast::flat_buffer bytes_{longest_answer};
  asio::steady_timer pause_;
  growing_delay delay_;
  bool is_over_ = false;
  bool is_due_again_ = false;  ///< The same member is to be read again, at once.
  bool brought_news_ = false;
  time_point watching_since_ = never_comes;
  time_point reread_at_ = never_comes;
  std::map<std::string, entry> entries_;
};

}  // namespace

}  // namespace detail

etcd_resolver::etcd_resolver(etcd_options options) {
  check(options);
  memory_ = std::make_shared<detail::etcd_memory>(std::move(options));
}

void etcd_resolver::begin(const std::shared_ptr<detail::etcd_memory>& memory, detail::resolver_run run) {
  std::make_shared<detail::etcd_run>(memory, std::move(run))->begin();
}

}  // namespace cueball
