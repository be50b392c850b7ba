// Threads of which the n-th cannot be made, whoever makes it: to be included by one file of a program, whose
// pthread_create(3) stands before the C library's. ThreadSanitizer has its own in that place.
#pragma once

#if !defined(__SANITIZE_THREAD__)

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <limits>

namespace behalf::testing {

inline std::atomic<long> threads_until_failure{std::numeric_limits<long>::max()};
inline std::atomic<bool> a_thread_failed{false};

// From now on; the 0th is the next.
inline void let_thread_fail(long number) {
  a_thread_failed = false;
  threads_until_failure = number;
}

}  // namespace behalf::testing

extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*),
                              void* argument) noexcept {
  using Create = int(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static Create* const create = reinterpret_cast<Create*>(::dlsym(RTLD_NEXT, "pthread_create"));
  if (behalf::testing::threads_until_failure.fetch_sub(1) != 0) return create(thread, attributes, run, argument);
  behalf::testing::a_thread_failed = true;
  return EAGAIN;
}

#endif
