// Arenas: parallel algorithms of oneTBB, and of the standard library, run in parts as whoever calls them.
//
//   behalf::tbb::Arenas arenas;                                   // once
//   {
//     behalf::Impersonation as{alice};
//     arenas.execute([&] {                                        // as alice, and so are the workers that help
//       tbb::parallel_for(0, files, index_her_file);
//       std::for_each(std::execution::par, begin, end, index_her_file);
//     });
//   }
//
// oneTBB keeps its workers for the process's life, and each is a copy of the thread that needed it first (clone(2)): it
// works as that user, or as the service, for everybody. Here each call has an arena of its own while it lasts, which is
// kept for the identity's next, so that no thread takes work of one user while it waits for another's and no caller
// waits for a place; and a worker wears the arena's identity from when it enters the arena to when it leaves it.
//
// A worker that cannot wear the identity does not come to the work: it waits, and tries again, until it can; the caller
// does the work meanwhile, alone if need be. So nothing runs as anybody else, and nothing hangs that does not depend on
// workers (tbb::task_arena::enqueue does). A call waits for what it begins: a task_group that is waited for in another
// may wait in another arena, and for a worker.
//
// What belongs to an arena of these stays the identity's: where a flow graph that was made within execute() is waited
// for elsewhere, or the arena is attached to (tbb::task_arena::attach), the thread that comes in by that way wears the
// identity there; if it cannot, the process ends, since the work would be done as somebody else.
//
// What is started in another arena from within (a tbb::task_arena or task_group of one's own that is not execute()d
// here) is not covered.
#pragma once

#include <oneapi/tbb/task_arena.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <type_traits>
#include <utility>

#include "behalf/carried.h"
#include "behalf/run_as.h"

namespace behalf::tbb {

struct ArenasOptions {
  // How many arenas are kept for a next call: those that were used last. Where the identities that call in turns need
  // more, arenas are made and done away with all the time, and calls do without workers when oneTBB falls behind.
  std::size_t kept = 64;
  // Threads of a call, the caller included; as of tbb::task_arena.
  int threads = oneapi::tbb::task_arena::automatic;
};

struct ArenasCounts {
  std::size_t arenas = 0;          // now: kept or in use
  std::size_t leaving = 0;         // given back to oneTBB, which has not done away with them yet
  std::uint64_t made = 0;          // arenas, since the beginning
  std::uint64_t alone = 0;         // calls that had no workers
  std::uint64_t switches = 0;      // takings of an identity by workers
  std::uint64_t not_worn = 0;      // tries of workers that failed
  std::size_t workers_inside = 0;  // now
};

// Effects: starts oneTBB's workers as the service, whoever calls, as many as oneTBB may have (tbb::global_control,
// which is to be made before): the least that can be done for code that cannot be changed. It does not carry the
// caller. What does not come within half a second is not waited for. Errors: std::bad_alloc, those of oneTBB.
// Thread-safe. Cost: a thread for each worker that is not there yet.
void warm_up();

class Arenas {
 public:
  // Effects: as warm_up(). Errors: std::bad_alloc, those of oneTBB.
  explicit Arenas(const ArenasOptions& options = {});
  // Returns when oneTBB has done away with the arenas, or after a second: a worker that is kept elsewhere may then
  // still look into one, as whom it is of. Nobody may be in execute().
  ~Arenas();
  Arenas(const Arenas&) = delete;
  Arenas& operator=(const Arenas&) = delete;

  // Effects: f() in the arena of the calling thread's identity, or of the one given; the calling thread takes part, and
  // is given back afterwards.
  // Errors: what f throws; those of Carried; Error as of Impersonation (on the main thread, in `full`: main_thread),
  // f has then not been called. Thread-safe; f may call execute() as somebody else.
  // Cost: a lock, and a look at the arenas that are kept; where none is the identity's, one is made, outside of the
  // lock; each worker that comes takes the identity and gives it back when it leaves the arena. Where oneTBB has too
  // many to do away with, the call has no workers: to make more would slow down everybody's loops.
  template <class F>
  std::invoke_result_t<F> execute(F&& f) {
    return execute(Carried(), std::forward<F>(f));
  }
  template <class F>
  std::invoke_result_t<F> execute(const Token& who, F&& f) {
    return execute(Carried(who), std::forward<F>(f));
  }
  template <class F>
  std::invoke_result_t<F> execute(as_service_t who, F&& f) {
    return execute(Carried(who), std::forward<F>(f));
  }
  template <class F>
  std::invoke_result_t<F> execute(const Carried& who, F&& f) {
    using Result = std::invoke_result_t<F>;
    static_assert(
        !detail::Awaitable<Result>,
        "behalf::tbb::Arenas: the callable returns an awaitable (a coroutine), which would be run later, after "
        "the identity was given back");
    return who.run([&]() -> Result {
      const Use use(*this, who);
      return use.arena().execute(std::forward<F>(f));
    });
  }

  // Thread-safe. Cost: a lock.
  [[nodiscard]] ArenasCounts counts() const;

 private:
  class Arena;
  class Core;
  class Leaving;
  struct Totals;
  using Nodes = std::list<std::unique_ptr<Arena>>;  // nodes, which are handed on without allocation

  // An arena that nobody else uses meanwhile.
  class Use {
   public:
    Use(Arenas& arenas, const Carried& who);
    ~Use();
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    [[nodiscard]] oneapi::tbb::task_arena& arena() const;

   private:
    Arenas& arenas_;
    Nodes arena_;
  };

  std::unique_ptr<Core> core_;
};

}  // namespace behalf::tbb
