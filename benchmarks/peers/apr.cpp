// SPDX-License-Identifier: BSL-1.0
/// \file
/// apr_reslist.
#include <stdexcept>

#include <apr_general.h>
#include <apr_pools.h>
#include <apr_reslist.h>

#include "../floors/ring.hpp"
#include "../support/cycles.hpp"
#include "../support/waiting.hpp"

namespace {

apr_status_t make(void** made, void*, apr_pool_t*) {
  *made = new bench::entry;
  return APR_SUCCESS;
}

apr_status_t destroy(void* what, void*, apr_pool_t*) {
  delete static_cast<bench::entry*>(what);
  return APR_SUCCESS;
}

class subject {
 public:
  subject(int, int size) {
    apr_initialize();
    apr_pool_create(&memory_, nullptr);
    if (apr_reslist_create(&list_, size, size, size, 0, make, destroy, nullptr, memory_) != APR_SUCCESS)
      throw std::runtime_error{"apr_reslist_create failed"};
  }

  ~subject() {
    apr_pool_destroy(memory_);
    apr_terminate();
  }

  subject(const subject&) = delete;
  subject& operator=(const subject&) = delete;

  bench::held_entry<subject> claim(int) {
    void* what = nullptr;
    apr_reslist_acquire(list_, &what);
    return {*this, static_cast<bench::entry*>(what)};
  }

  void release(bench::entry* what) { apr_reslist_release(list_, what); }

 private:
  apr_pool_t* memory_ = nullptr;
  apr_reslist_t* list_ = nullptr;
};

[[maybe_unused]] const bool added = bench::add_cycles<subject>("apr") && bench::add_waiting<subject>("apr");

}  // namespace
