// SPDX-License-Identifier: BSL-1.0
// error: cueball: Policy cannot be default-constructed: give the pool a value of it
#include <cueball/cueball.hpp>

struct every {
  using category = cueball::decoherence_policy;
  static constexpr std::string_view name = "every";

  explicit every(cueball::duration);
  cueball::decoherence_step next(cueball::time_point, const cueball::coherence&,
                                 cueball::random_source&) const noexcept;
};

void wrong() {
  cueball::pool<cueball::tcp_connection, every> pool{cueball::static_resolver{{"127.0.0.1", 1}}};
}
