// SPDX-License-Identifier: BSL-1.0
/// \file
/// A threading model whose mutex notes how long it is held.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <utility>
#include <vector>

namespace bench {

/// In processor time of the thread, in nanoseconds.
inline std::vector<std::int64_t>& slices() {
  static std::vector<std::int64_t> all;
  return all;
}

inline std::int64_t thread_time() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

/// For pools on one thread. The fast mutex is the model's own, and is not timed.
template <class Model>
struct timed : Model {
  class mutex : public Model::mutex {
   public:
    void lock() {
      Model::mutex::lock();
      begin_ = thread_time();
    }

    void unlock() noexcept {
      slices().push_back(thread_time() - begin_);
      Model::mutex::unlock();
    }

   private:
    std::int64_t begin_ = 0;
  };
};

/// \param share 0.5: the median. The slices are forgotten.
inline double slice_percentile(double share) {
  auto all = std::exchange(slices(), {});
  if (all.empty()) return 0;
  const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(all.size() - 1));
  std::nth_element(all.begin(), all.begin() + at, all.end());
  return 1e-9 * static_cast<double>(all[static_cast<std::size_t>(at)]);
}

}  // namespace bench
