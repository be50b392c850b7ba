#include "behalf/run_as.h"

#include <pthread.h>

#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "behalf/error.h"
#include "behalf/impersonation.h"
#include "behalf/of_thread.h"
#include "identity/give_back_failure.h"
#include "identity/keyrings.h"
#include "identity/service.h"
#include "identity/worker_signals.h"

namespace behalf::detail {

namespace {

constexpr std::size_t kept_idle = 32;  // more workers than this end when they have nothing to do

// A call on its way, on the caller's stack.
struct Job {
  const Token& token;
  void (*call)(void*);
  void* data;
  std::exception_ptr thrown;
  bool done = false;
  std::mutex mutex;
  std::condition_variable finished;

  void finish() {
    // Told under the lock: after it, the caller takes the job away.
    const std::lock_guard lock(mutex);
    done = true;
    finished.notify_one();
  }

  void wait() {
    std::unique_lock lock(mutex);
    finished.wait(lock, [this] { return done; });
  }
};

class Worker {
 public:
  // Puts the job on; the worker must be idle.
  void give(Job& job) {
    const std::lock_guard lock(mutex_);
    job_ = &job;
    wake_.notify_one();
  }

  // `parked` says, before the caller is told, whether the worker is to stay.
  template <class Park>
  void loop(Park parked) {
    for (;;) {
      Job& job = next();
      perform(job);
      const bool stay = parked();
      job.finish();
      if (!stay) return;
    }
  }

 private:
  Job& next() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return job_ != nullptr; });
    return *std::exchange(job_, nullptr);
  }

  void perform(Job& job) {
    try {
      keyrings_.fresh_for(job.token.data());
      const Impersonation as{job.token};
      job.call(job.data);
    } catch (...) {
      job.thrown = std::current_exception();
      if (!job.thrown) {
        // Not an exception of C++ but pthread_exit(3) or a cancellation: the thread ends, and the caller must not
        // wait for ever.
        job.thrown = std::make_exception_ptr(Error(
            Error::Reason::platform, "behalf: run_as: the callable ended its thread (pthread_exit or cancelled)"));
        job.finish();
        throw;
      }
    }
    if (OfThread::innermost() != nullptr) {
      end_process(
          "behalf: run_as: the callable ended with a ThreadDirectory, ThreadUmask, ThreadTickets or CallContext::Scope "
          "still open: a coroutine held it across co_await. The process ends, before another user's call runs in it. "
          "Close the scope before co_await, or use a behalf::task, with which it goes\n");
    }
    block_asynchronous_signals();
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  Job* job_ = nullptr;
  Keyrings keyrings_;
};

// The idle workers. Never destroyed: workers outlive static objects.
class Workers {
 public:
  static Workers& all() {
    static Workers* const workers = [] {
      ::pthread_atfork([] { all().mutex_.lock(); }, [] { all().mutex_.unlock(); },
                       [] {
                         all().idle_.clear();  // their threads are the parent's
                         all().mutex_.unlock();
                       });
      return new Workers;
    }();
    return *workers;
  }

  std::shared_ptr<Worker> take() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        std::shared_ptr<Worker> worker = std::move(idle_.back());
        idle_.pop_back();
        return worker;
      }
    }
    return start();
  }

 private:
  Workers() { idle_.reserve(kept_idle); }  // park() throws where nobody catches

  std::shared_ptr<Worker> start() {
    auto worker = std::make_shared<Worker>();
    const AsService self;  // clone(2) copies the credentials of the thread that calls it
    const SignalsBlocked meanwhile;
    try {
      std::thread([this, worker] { worker->loop([&] { return park(worker); }); }).detach();
    } catch (const std::system_error& error) {
      throw Error(Error::Reason::out_of_resources, std::string{"behalf: run_as: start a worker: "} + error.what(),
                  error.code().value());
    }
    return worker;
  }

  bool park(const std::shared_ptr<Worker>& worker) {
    const std::lock_guard lock(mutex_);
    if (idle_.size() >= kept_idle) return false;
    idle_.push_back(worker);
    return true;
  }

  std::mutex mutex_;
  std::vector<std::shared_ptr<Worker>> idle_;
};

}  // namespace

void run_on_worker(const Token& token, void (*call)(void*), void* data) {
  (void)service_for("run_as");
  const int kept_errno = errno;
  Job job{token, call, data, nullptr, false, {}, {}};
  Workers::all().take()->give(job);
  job.wait();
  errno = kept_errno;
  if (job.thrown) std::rethrow_exception(job.thrown);
}

}  // namespace behalf::detail
