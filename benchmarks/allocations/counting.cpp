// SPDX-License-Identifier: BSL-1.0
#include "counting.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::int64_t> bytes{0};
std::atomic<std::int64_t> calls{0};

/// The size stands before what is handed out, at a distance that keeps the alignment.
void* allocate(std::size_t size, std::size_t alignment) {
  const std::size_t before = std::max(alignment, sizeof(std::max_align_t));
  auto* const begin =
      static_cast<std::byte*>(std::aligned_alloc(before, (before + size + before - 1) / before * before));
  if (!begin) throw std::bad_alloc{};
  ::new (begin) std::size_t{size};
  bytes += static_cast<std::int64_t>(size);
  ++calls;
  return begin + before;
}

void release(void* what, std::size_t alignment) noexcept {
  if (!what) return;
  auto* const begin = static_cast<std::byte*>(what) - std::max(alignment, sizeof(std::max_align_t));
  bytes -= static_cast<std::int64_t>(*reinterpret_cast<std::size_t*>(begin));
  std::free(begin);
}

constexpr std::size_t usual = sizeof(std::max_align_t);

}  // namespace

bench::allocated bench::allocated_now() noexcept {
  return {bytes, calls};
}

void* operator new(std::size_t size) {
  return allocate(size, usual);
}
void* operator new[](std::size_t size) {
  return allocate(size, usual);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* what) noexcept {
  release(what, usual);
}
void operator delete[](void* what) noexcept {
  release(what, usual);
}
void operator delete(void* what, std::size_t) noexcept {
  release(what, usual);
}
void operator delete[](void* what, std::size_t) noexcept {
  release(what, usual);
}
void operator delete(void* what, std::align_val_t alignment) noexcept {
  release(what, static_cast<std::size_t>(alignment));
}
void operator delete[](void* what, std::align_val_t alignment) noexcept {
  release(what, static_cast<std::size_t>(alignment));
}
void operator delete(void* what, std::size_t, std::align_val_t alignment) noexcept {
  release(what, static_cast<std::size_t>(alignment));
}
void operator delete[](void* what, std::size_t, std::align_val_t alignment) noexcept {
  release(what, static_cast<std::size_t>(alignment));
}
