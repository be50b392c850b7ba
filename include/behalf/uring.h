// uring::Ring: io_uring for work on behalf of many. Each request is done by the kernel as whoever it is for, whichever
// thread submits it, whenever its turn comes, and no thread is switched for it.
//
//   namespace uring = behalf::uring;
//   uring::Ring ring;
//
//   behalf::Impersonation as{alice};                                   // on a thread of yours
//   ring.submit(uring::open("/home/alice/x", O_RDONLY),                // asked as alice
//               [](const uring::Result& file) { use(file.value()); }); // and told as alice, on a worker
//
//   behalf::task<> copy(uring::Ring& ring, behalf::Token bob) {        // a task of the service's
//     int file = (co_await ring.submit(bob, uring::open("/home/bob/x", O_RDONLY))).value();
//     co_await ring.submit(bob, uring::close(file));                   // goes on as what it is: the service
//   }
//
//   uring::Result made = ring.run(bob, uring::mkdirat(AT_FDCWD, "/home/bob/new", 0700));  // and waits
//
// Without it io_uring has as many answers to "as whom?" as it has ways to run a request: the thread that submits it,
// the one that made the ring (IORING_SETUP_SQPOLL), whatever the thread is by the time a linked or poll-retried request
// gets its turn. Here every request, the ring's own too, carries a personality (io_uring_register(2)): the credentials
// of a thread that wore the token, in its posture, with its groups and a session keyring of its own. The kernel takes
// hold of them when the request is submitted, so that it keeps them however long it waits.
//
// Personalities are numbers, and whoever has the ring may use any: they do not leave it. They are made when a token is
// first used, kept for the next time, and unregistered when they are unused for long or the room is wanted
// (Options::personalities); a number is never given to another identity while a request with it is still to be
// submitted.
//
// The thread that drives the ring, and enters the kernel for it, is the service and wears nobody. That is not for the
// requests' sake: the kernel starts its own helpers (iou-wrk) as copies of that thread, and a user may kill(2), with
// the whole process, a thread whose real id is hers. So what is told to users (callbacks, coroutines) runs on the
// workers of a ThreadPool.
//
// IORING_SETUP_SQPOLL is not to be had: its thread, and the helpers it starts, would be a copy of whoever made the ring
// and outside of this rule, and a request that it retries or that lacks a personality is that one's. Nor is
// IORING_SETUP_SINGLE_ISSUER: personalities could then be made by no other thread than the one that must not wear
// anybody.
//
// Rests on: Linux 5.12 (single requests need more, see uring_request.h), and on what tests/uring asks of the kernel.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <stop_token>
#include <type_traits>
#include <utility>
#include <vector>

#include "behalf/bind.h"
#include "behalf/carried.h"
#include "behalf/place.h"
#include "behalf/task.h"
#include "behalf/thread_pool.h"
#include "behalf/uring_operation.h"
#include "behalf/uring_request.h"

namespace behalf::uring {

struct Options {
  // Who enters the kernel: a thread of the ring's own, or the caller, who has a loop and calls poll() and wait().
  enum class DrivenBy { own_thread, caller } driven_by = DrivenBy::own_thread;

  // How many requests can be handed to the kernel at once, and how many chains may have a file `opened`.
  unsigned entries = 256;

  // How many may be under way. More wait for their turn, in order: leave room for those that wait for one another.
  unsigned under_way_at_most = 4096;

  // How many identities the kernel is made to know at a time (65535 at most), and for how long it is after their last
  // use. An identity that is known costs nothing; to make one known costs a run_as() and a system call.
  unsigned personalities = 4096;
  std::chrono::milliseconds keeps{60'000};

  // Whose workers run what is told to users. Without one the ring makes its own, of so many threads (0: one for each
  // processor).
  ThreadPool* pool = nullptr;
  unsigned threads = 0;

  // Pieces of memory for FixedBuffer.
  unsigned fixed_buffers = 0;
  std::size_t fixed_buffer_size = 65536;

  // Where the kernel has or allows no io_uring (kernel.io_uring_disabled, a seccomp filter): an Error that says so; or
  // the pool's workers do it all by ordinary system calls, each as the request's identity. What differs, besides the
  // speed: where another process accepts on the same listener, make that O_NONBLOCK, or a worker whose connection it
  // took waits for the next and cannot be told to stop; so for reads from a pipe before Linux 6.4. `always` is for
  // tests.
  enum class WithoutKernel { refuse, use_pool, always } without_kernel = WithoutKernel::refuse;
};

struct Counts {
  std::uint64_t submitted = 0;  // operations: a chain is one
  std::uint64_t ended = 0;
  std::uint64_t refused = 0;                // of these: not begun, since the identity could not be had
  std::uint64_t entered = 0;                // system calls that handed requests to the kernel
  std::uint64_t personalities_made = 0;     // the service's own among them
  std::uint64_t personalities_dropped = 0;  // of these: unregistered again
  std::size_t under_way = 0;                // now
  std::size_t waiting = 0;                  // now, for room
  std::size_t personalities = 0;            // now: what is left of them
};

// Operations that are submitted together and waited for. Nothing of them runs as anybody: their results are there when
// Ring::run() returns.
class Batch {
 public:
  Batch() = default;
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  // Whose they are is as of Ring::submit(). Returns the number by which its results are found.
  template <detail::Requests R>
  std::size_t add(R&& requests) {
    return add(Carried(), std::forward<R>(requests));
  }
  template <behalf::detail::SaysWho Who, detail::Requests R>
  std::size_t add(const Who& who, R&& requests) {
    next().be(Carried(who), detail::all(requests));
    return used_++;
  }

  // Of an operation, and of the n-th request of its chain; before run(): ECANCELED.
  [[nodiscard]] Result operator[](std::size_t operation) const { return result(operation, 0); }
  [[nodiscard]] Result result(std::size_t operation, std::size_t request) const {
    return operations_[operation]->result(request);
  }
  [[nodiscard]] std::size_t size() const noexcept { return used_; }

  // Empties it, and keeps its memory. Not while it is run.
  void clear() noexcept { used_ = 0; }

 private:
  friend class Ring;
  detail::Pending& next();  // the first that is not used

  std::vector<std::unique_ptr<detail::Pending>> operations_;
  std::size_t used_ = 0;
};

class Ring {
 public:
  // Errors: Error of reason not_permitted or platform where the kernel forbids or lacks io_uring, and the options want
  // it; out_of_resources. Cost: the ring, its threads, and an AsService.
  explicit Ring(const Options& options = {});
  // What is under way is cancelled and waited for, what is not begun is told ECANCELED; every result has been told or
  // is on its way in the pool when it returns. Not from what is told by the ring's own pool.
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  // Effects: the requests (a Request or a Chain) are done as the calling thread's identity, or as the one given (a
  // Token, as_service, a Carried). then(result), of a chain then(results), is called as that identity on a worker of
  // the pool; as the service it is called on the thread that drives the ring. A behalf::bind() has its own identity and
  // is called as that: bind(as_service, f) is how a request of a user's is told to the service. It is destroyed as
  // whoever it is called as. An exception that leaves it ends the process.
  //
  // A stop_token that asks to stop cancels the requests that are not done; those have the result ECANCELED.
  //
  // Errors: those of Carried. An identity that cannot be had, and a ring that is being destroyed, are told in the
  // result (Result::value() throws the Error), and nothing has been done. Where `then` cannot be called as its identity
  // it is not called: it is counted by the pool (not_worn), kept (abandoned()), and files that it was to get are
  // closed.
  //
  // Thread-safe. Cost: a lock, an allocation, and a system call where the driver has to be woken. The first time an
  // identity is used: a run_as() and a system call.
  template <detail::Requests R, class Then>
  void submit(R&& requests, Then&& then, std::stop_token stop = {}, Place where = Place::here()) {
    submit(Carried(), std::forward<R>(requests), std::forward<Then>(then), std::move(stop), where);
  }
  template <behalf::detail::SaysWho Who, detail::Requests R, class Then>
  void submit(const Who& who, R&& requests, Then&& then, std::stop_token stop = {}, Place where = Place::here()) {
    using Op = detail::Told<detail::how_many<R>, std::decay_t<Then>>;
    auto op = std::make_unique<Op>(*core_, Carried(who), detail::all(requests), std::forward<Then>(then), where);
    detail::submit(*core_, *op.release(), std::move(stop));
  }

  // `co_await ring.submit(requests)` in a behalf::task: the result, or an array of the chain's. The task goes on as
  // itself on a worker of the pool; a task of the service's on the thread that drives the ring. Its stop token cancels
  // the requests. Errors, thrown in the body: Error where the identity could not be had or the ring is being destroyed.
  template <detail::Requests R>
  [[nodiscard("a request that is not awaited is not done")]] auto submit(R&& requests, Place where = Place::here()) {
    return detail::Awaited<detail::how_many<R>>(*core_, Carried(), detail::all(requests), where);
  }
  template <behalf::detail::SaysWho Who, detail::Requests R>
  [[nodiscard("a request that is not awaited is not done")]] auto submit(const Who& who, R&& requests,
                                                                         Place where = Place::here()) {
    return detail::Awaited<detail::how_many<R>>(*core_, Carried(who), detail::all(requests), where);
  }

  // Effects: submits, and returns when all of it has ended. Nothing else is told meanwhile on this thread. Thread-safe;
  // where the ring is driven by the caller, it is driven here. Errors: those of Carried; of what drives; the rest as of
  // submit(), in the results.
  void run(Batch& batch);
  template <detail::Requests R>
  auto run(R&& requests) {
    return run(Carried(), std::forward<R>(requests));
  }
  template <behalf::detail::SaysWho Who, detail::Requests R>
  auto run(const Who& who, R&& requests) {
    Batch batch;
    batch.add(who, std::forward<R>(requests));
    run(batch);
    return detail::results_of<detail::how_many<R>>([&](std::size_t i) { return batch.result(0, i); });
  }

  // Driven by the caller: by one thread at a time, others wait. It should live as long as what it hands over, which the
  // kernel cancels when the thread ends; and it should wear nobody in between either, since the kernel goes on with
  // what waited whenever the thread comes by.
  //
  // Errors: Error of reason inside_impersonation where the thread wears somebody; not_permitted where the ring has a
  // thread of its own. What is told by them: nothing that throws.

  // Readable when there is something to do for poll(): for epoll(7), or a loop that has its own (uring_asio.h). Not to
  // be read, written or closed.
  [[nodiscard]] int fd() const noexcept;
  // Hands over what was submitted, and tells what has ended. Does not wait. From what is told: nothing.
  void poll();
  // The same, but waits until there was something to do, or that long.
  void wait();
  void wait_for(std::chrono::nanoseconds time);

  // For the identity given, or the calling thread's; another one's data is wiped out first. Errors: Error of reason
  // queue_full where none is free. Thread-safe.
  [[nodiscard]] FixedBuffer fixed_buffer(const Carried& who = Carried());

  // Whether the kernel does the work, or the pool for lack of it.
  [[nodiscard]] bool uses_kernel() const noexcept;

  // Thread-safe. Cost: none.
  [[nodiscard]] Counts counts() const;

 private:
  detail::CorePtr core_;
};

}  // namespace behalf::uring
