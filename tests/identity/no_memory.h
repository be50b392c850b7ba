// Memory of which a thread gets none the next time: to be included by one file of a program, whose operator new stands
// before the library's.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>

namespace behalf::testing {

inline thread_local bool no_memory_next = false;

}  // namespace behalf::testing

void* operator new(std::size_t size) {
  const bool none = std::exchange(behalf::testing::no_memory_next, false);
  void* const memory = none ? nullptr : std::malloc(size != 0 ? size : 1);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
// Not inlined: GCC would take this for a free(3) of what an operator new gave.
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
