// SPDX-License-Identifier: BSL-1.0
/// \file
/// The laws of a resolver, of etcd_resolver over a real etcd.
#include <chrono>
#include <map>
#include <string>
#include <vector>

#include <cueball/etcd_resolver.hpp>
#include <cueball/laws/resolver.hpp>

#include <support/catch.hpp>
#include <support/relay.hpp>

#include "discovery/support/registered.hpp"
#include "etcd_server.hpp"

using namespace cueball;
using namespace std::chrono_literals;

namespace {

/// The keys with a prefix, and a network between them and who asks.
class turned_etcd {
 public:
  void answer(const std::vector<backend>& all) {
    network_.hold();
    std::map<std::string, std::string> put;
    for (const auto& where : all) put[key_of(where)] = support::registered(where);
    std::vector<std::string> removed;
    for (const auto& where : now_)
      if (!put.contains(key_of(where))) removed.push_back(key_of(where));
    server_.change(put, removed);
    now_ = all;
    network_.pass();
  }
  void fail() { network_.cut(); }
  void fall_silent() { network_.hold(); }

  etcd_resolver resolver(patience how) const {
    return etcd_resolver{{.endpoints = network_.endpoint(),
                          .prefix = prefix,
                          .timeout = 500ms,
                          .idle_limit = 300ms,
                          .delay = 5ms,
                          .max_delay = 50ms,
                          .patience = how,
                          .reread_delay = 5ms}};
  }

 private:
  static constexpr const char* prefix = "/s/";

  static std::string key_of(const backend& where) { return prefix + where.address; }

  support::etcd_server server_;
  support::relay network_{server_.port()};
  std::vector<backend> now_;
};

}  // namespace

TEST_CASE("a resolver of etcd's keeps the laws, whatever its network does") {
  const auto how = GENERATE(patience{1, 0}, patience{1, 1}, patience{3, 2});
  CAPTURE(how.missing, how.empty);
  turned_etcd source;
  CHECK_NOTHROW(laws::check_resolver([&] { return source.resolver(how); }, source, {.how = how}));
}
