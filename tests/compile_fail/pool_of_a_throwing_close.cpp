// SPDX-License-Identifier: BSL-1.0
// error: cueball: Connection is no connection
#include <cueball/cueball.hpp>

struct session {
  explicit session(const cueball::backend&);
  void connect(cueball::time_point deadline);
  void close();  // not noexcept
};

void wrong() {
  cueball::pool<session> pool{cueball::static_resolver{{"127.0.0.1", 1}}};
}
