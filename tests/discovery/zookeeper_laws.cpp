// SPDX-License-Identifier: BSL-1.0
/// \file
/// The laws of a resolver, of zookeeper_resolver over a real ensemble.
#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include <cueball/laws/resolver.hpp>
#include <cueball/zookeeper_resolver.hpp>

#include <support/catch.hpp>
#include <support/relay.hpp>

#include "discovery/support/registered.hpp"
#include "zookeeper_ensemble.hpp"

using namespace cueball;
using namespace std::chrono_literals;

namespace {

/// The children of a node, and a network between one server and who asks it.
class turned_zookeeper {
 public:
  turned_zookeeper() { writer_.create(path_, ""); }

  void answer(const std::vector<backend>& all) {
    network_.hold();
    const auto keyed = laws::by_key(all);
    const auto before = laws::by_key(now_);
    for (const auto& [key, where] : keyed) {
      const auto data = support::registered(where);
      if (const auto old = before.find(key); old == before.end())
        writer_.create(node_of(where), data);
      else if (old->second != where)
        writer_.set(node_of(where), data);
    }
    for (const auto& [key, where] : before)
      if (!keyed.contains(key)) writer_.remove(node_of(where));
    now_ = all;
    network_.pass();
  }
  void fail() { network_.cut(); }
  void fall_silent() { network_.hold(); }

  zookeeper_resolver resolver(patience how) const {
    return zookeeper_resolver{{.servers = network_.endpoint(),
                               .path = path_,
                               .delay = 5ms,
                               .max_delay = 50ms,
                               .patience = how,
                               .reread_delay = 5ms}};
  }

 private:
  std::string node_of(const backend& where) const { return path_ + '/' + where.address; }

  const std::string server_ = support::shared_ensemble().servers().substr(
      0, support::shared_ensemble().servers().find(','));  // what was written there can be read there
  support::zookeeper_writer writer_{server_};
  const std::string path_ = support::fresh_path();
  support::relay network_{static_cast<std::uint16_t>(std::stoi(server_.substr(server_.rfind(':') + 1)))};
  std::vector<backend> now_;
};

}  // namespace

TEST_CASE("a resolver of ZooKeeper's keeps the laws, whatever its network does") {
  const auto how = GENERATE(patience{1, 0}, patience{1, 1}, patience{3, 2});
  CAPTURE(how.missing, how.empty);
  turned_zookeeper source;
  CHECK_NOTHROW(laws::check_resolver([&] { return source.resolver(how); }, source, {.how = how}));
}
