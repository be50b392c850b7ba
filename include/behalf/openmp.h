// OpenMP regions whose threads are all whoever begins them. For every OpenMP runtime; libgomp, GCC's, has no hook by
// which a library could see to that alone (with LLVM's libomp, link behalf::ompt and write plain OpenMP: ompt.h).
//
//   behalf::Impersonation as{alice};
//   behalf::openmp::parallel_for(0, files, [&](int file) { index_her_file(file); });  // each as alice
//   behalf::openmp::parallel([&](int thread, int threads) { sum_a_part(thread, threads); });
//
// The threads of a team are kept for the next region, as copies of whoever began the first one (clone(2)). Here the
// region is begun as the service, so that no thread of the team is born as a user, and each wears the caller for the
// region.
//
// Compile and link with OpenMP (the target behalf::openmp does). The callables must not contain worksharing directives
// that belong to the region around them (`omp for`, `omp barrier`): a thread that cannot wear the caller does not come
// to them. Regions of their own are fine, and are again begun with these functions.
#pragma once

#ifndef _OPENMP
#error "behalf/openmp.h: compile with -fopenmp (CMake: link behalf::openmp)"
#endif

#include <omp.h>

#include <atomic>
#include <exception>
#include <type_traits>
#include <utility>

#include "behalf/carried.h"
#include "behalf/run_as.h"

namespace behalf::openmp {

namespace detail {

// The first exception of a team, to be thrown where the region was begun: none may leave a region's thread.
class FirstThrown {
 public:
  // Calls f, unless something was thrown already. Returns whether it ended well.
  template <class F>
  void run(F&& f) noexcept {
    if (any_) return;
    try {
      std::forward<F>(f)();
    } catch (...) {
      if (!any_.exchange(true)) thrown_ = std::current_exception();
    }
  }
  // After the region.
  void rethrow() const {
    if (thrown_ != nullptr) std::rethrow_exception(thrown_);
  }

 private:
  std::atomic<bool> any_{false};
  std::exception_ptr thrown_;
};

// Those of a loop that no thread has taken yet. The end is never passed: it may be the greatest that there is.
template <class Index>
class Indices {
 public:
  Indices(Index begin, Index end) noexcept : next_(begin), end_(end) {}

  bool take(Index& index) noexcept {
    index = next_;
    while (index < end_) {
      if (next_.compare_exchange_weak(index, static_cast<Index>(index + 1))) return true;
    }
    return false;
  }
  void drop() noexcept { next_ = end_; }

 private:
  std::atomic<Index> next_;
  const Index end_;
};

}  // namespace detail

// Effects: f(thread, threads) in each thread of a team, as the calling thread or as the one given. `threads` 0: as many
// as OpenMP would take.
// Errors: the first that f throws, once the team has ended; those of Carried; Error as of Impersonation, where a thread
// could not wear the caller: f was then not called in it, though it may have been in others. Thread-safe.
// Cost: an AsService of the caller's, and an Impersonation of each thread's.
template <class F>
void parallel(const Carried& who, F&& f, int threads = 0) {
  static_assert(!behalf::detail::Awaitable<std::invoke_result_t<F&, int, int>>,
                "behalf::openmp: the callable returns an awaitable (a coroutine), which nobody would await");
  detail::FirstThrown first;
  {
    const behalf::detail::AsServiceIfAny self;
    const int team = threads > 0 ? threads : omp_get_max_threads();
#pragma omp parallel num_threads(team)
    first.run([&] { who.run([&] { f(omp_get_thread_num(), omp_get_num_threads()); }); });
  }
  first.rethrow();
}
template <class F>
requires std::is_invocable_v<F&, int, int>
void parallel(F&& f, int threads = 0) {
  parallel(Carried(), std::forward<F>(f), threads);
}

// Effects: f(i) for each i of [begin, end), by the threads of a team, in no order.
// Errors, thread-safety and cost as parallel(); after an error the rest is not begun.
template <class Index, class F>
void parallel_for(const Carried& who, Index begin, Index end, F&& f, int threads = 0) {
  static_assert(!behalf::detail::Awaitable<std::invoke_result_t<F&, Index>>,
                "behalf::openmp: the callable returns an awaitable (a coroutine), which nobody would await");
  detail::Indices<Index> indices(begin, end);
  parallel(
      who,
      [&](int, int) {
        for (Index i{}; indices.take(i);) {
          try {
            f(i);
          } catch (...) {
            indices.drop();
            throw;
          }
        }
      },
      threads);
}
template <class Index, class F>
requires std::is_integral_v<Index>
void parallel_for(Index begin, Index end, F&& f, int threads = 0) {
  parallel_for(Carried(), begin, end, std::forward<F>(f), threads);
}

}  // namespace behalf::openmp
