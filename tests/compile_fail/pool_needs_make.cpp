// SPDX-License-Identifier: BSL-1.0
// error: cueball: Connection cannot be constructed from (any_io_executor, backend) or (backend), so the pool
// needs a make
#include <cueball/cueball.hpp>

struct session {
  explicit session(int descriptor);
  void connect(cueball::time_point deadline);
  void close() noexcept;
};

void wrong() {
  cueball::pool<session> pool{cueball::static_resolver{{"127.0.0.1", 1}}};
}
