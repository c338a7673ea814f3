// SPDX-License-Identifier: BSL-1.0
/// \file
/// What happens to the servers while the pool is in use.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <cueball/manual_resolver.hpp>

#include "composition.hpp"
#include "load.hpp"
#include "server_process.hpp"
#include "tally.hpp"
#include "verdict.hpp"
#include "view.hpp"
#include "watch.hpp"

namespace demo {

class story {
 public:
  /// \param server the path of `echo_server`
  /// \param observe how long each quiet time is observed
  story(view& shown, std::string server, std::chrono::milliseconds observe);

  /// Plays it and judges.
  verdict play();

 private:
  using names = std::vector<std::string>;

  void three_servers();
  void one_is_killed();
  void one_is_added();
  void the_dead_one_returns();
  void one_is_removed();
  void the_end();

  void happens(const std::string& what);
  const cueball::backend& start(const std::string& name, std::uint16_t port = 0);

  /// Waits until the pool is quiet, and judges the spread.
  ///
  /// \param noticed whether the pool noticed what happened
  void judge_spread(const std::string& when, bool noticed, const names& reachable,
                    const names& unreachable = {});

  /// Judges how many connections were opened to these since `before`.
  void judge_opened(const std::string& why, const names& to, const numbers& before, const numbers& fewest);

  /// Observes for a while, and judges how the requests were spread.
  void judge_requests(const names& over);

  view& shown_;
  std::string server_;
  std::chrono::milliseconds observe_;

  verdict verdict_;
  cueball::manual_resolver resolver_;
  demo_pool pool_;
  load users_;
  watch watch_;
  tally outage_;
  watch::clock::time_point event_;       ///< When something happened last.
  std::uint64_t claims_before_bar_ = 0;  ///< Claims before C was known to be gone.
  std::uint64_t had_ = 0;                ///< Connections to B when it was killed.
  std::uint64_t got_ = 0;  ///< Connections that B's sockets accepted while its process was torn down.
  std::map<std::string, cueball::backend> backends_;
  std::map<std::string, server_process> servers_;  // the first to go: nobody waits for an answer any more
};

}  // namespace demo
