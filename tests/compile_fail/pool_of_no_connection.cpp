// SPDX-License-Identifier: BSL-1.0
// error: cueball: Connection is no connection: it needs async_connect(token) or connect(deadline)
#include <string>

#include <cueball/cueball.hpp>

void wrong() {
  cueball::pool<std::string> pool{cueball::static_resolver{{"127.0.0.1", 1}}};
}
