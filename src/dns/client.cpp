// SPDX-License-Identifier: BSL-1.0
#include "client.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cueball/core/backoff.hpp>

namespace cueball::dns {

namespace asio = boost::asio;
using kind = finding::kind;

namespace {

/// What the bytes that came, or the lack of them, say.
void judge(const reply& got, const std::string& name, record_type type, lookup& out) {
  out.found = {};
  if (got.bytes.empty()) {
    out.found.text = got.problem;
    return;
  }
  std::string wrong;
  auto parsed = parse(got.bytes, wrong);
  if (!parsed) {
    out.found.text = "a malformed answer (" + wrong + ")";
    return;
  }
  out.found = read(*parsed, name, type);
  out.answer = std::move(*parsed);
}

}  // namespace

asio::awaitable<void> sleep(duration length) {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer{executor, after(std::chrono::steady_clock::now(), length)};
  error_code ignored;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  co_await throw_if_cancelled();
}

void client::use(std::vector<nameserver> servers) {
  servers_ = std::move(servers);
  const auto good = std::find(servers_.begin(), servers_.end(), last_good_);
  if (good != servers_.end()) std::rotate(servers_.begin(), good, servers_.end());
}

asio::awaitable<lookup> client::look_up(std::string name, record_type type) {
  std::optional<std::uint32_t> ttl;
  auto asked = name;
  for (unsigned steps = 0;; ++steps) {
    auto out = co_await ask_all(asked, type);
    auto& found = out.found;
    if (found.ttl && ttl) ttl = found.ttl = std::min(*found.ttl, *ttl);
    if (found.what == kind::empty && !found.ttl) found.ttl = ttl;
    if (found.what != kind::alias) {
      if (steps > 0 && !out.why.text.empty()) out.why.text += " (an alias of '" + name + "')";
      co_return out;
    }
    if (steps == most_aliases) {
      out.why = {asio::error::host_not_found_try_again,
                 "the lookup of " + name_of(type) + " of '" + name + "' failed: its aliases do not end"};
      found = {};
      co_return out;
    }
    ttl = found.ttl;
    asked = found.target == "." ? found.target : found.target + '.';
  }
}

asio::awaitable<lookup> client::ask_all(std::string name, record_type type) {
  lookup out;
  if (servers_.empty()) {
    out.why = {asio::error::host_not_found_try_again, "there is no nameserver"};
    co_return out;
  }
  for (std::uint32_t failures = 0;;) {
    const auto servers = servers_;  // another lookup may change their order meanwhile
    const auto timeout = core::attempt_timeout(how_, failures);
    std::string said;
    std::size_t not_implemented = 0;
    std::size_t refused = 0;
    bool timed_out = false;
    for (const auto& server : servers) {
      const auto got = co_await ask(server, name, type, timeout);
      judge(got, name, type, out);
      if (out.found.what == kind::found || out.found.what == kind::empty || out.found.what == kind::alias) {
        last_good_ = server;
        use(std::move(servers_));
        co_return out;
      }
      if (out.found.what == kind::not_implemented) ++not_implemented;
      if (out.found.what == kind::refused) ++refused;
      timed_out = got.timed_out;
      if (!said.empty()) said += "; ";
      said += server.text() + ": " + out.found.text;
      if (got.timed_out) said += " within " + detail::in_words(timeout);
    }
    const bool pointless = refused + not_implemented == servers.size();
    if (++failures >= how_.retries || pointless) {
      out.found.what = not_implemented == servers.size() ? kind::not_implemented : kind::failed;
      out.why.error =
          timed_out ? error_code{asio::error::timed_out} : error_code{asio::error::host_not_found_try_again};
      out.why.text = "the lookup of " + name_of(type) + " of '" + name + "' failed: " + said;
      co_return out;
    }
    co_await sleep(core::backoff_delay(how_, failures, random_));
  }
}

}  // namespace cueball::dns
