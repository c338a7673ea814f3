// SPDX-License-Identifier: BSL-1.0
// error: cueball: Policy is not a policy
#include <cueball/cueball.hpp>

cueball::pool<cueball::tcp_connection, cueball::tcp_options> pool{cueball::static_resolver{{"127.0.0.1", 1}}};
