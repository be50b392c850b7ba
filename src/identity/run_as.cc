#include "behalf/run_as.h"

#include <linux/keyctl.h>
#include <pthread.h>

#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "behalf/error.h"
#include "behalf/impersonation.h"
#include "identity/errors.h"
#include "identity/service.h"

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

// All signals but those a thread causes itself: a handler would run as the user.
sigset_t asynchronous_signals() {
  sigset_t set;
  sigfillset(&set);
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT}) sigdelset(&set, signal);
  return set;
}

void check_keyctl(const char* attempted, long result) {
  if (result >= 0) return;
  const auto error = static_cast<int>(-result);
  throw Error(error == EDQUOT || error == ENOMEM ? Error::Reason::out_of_resources : Error::Reason::platform,
              std::string{"behalf: run_as: "} + attempted + ": keyctl: " + error_words(error) +
                  ". A worker does not go to another user with the keys of the last one",
              error);
}

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
      leave_last_user(job.token);
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
    const sigset_t masked = asynchronous_signals();
    ::pthread_sigmask(SIG_SETMASK, &masked, nullptr);
  }

  // Session and thread keyring belong to the thread, whoever it is (session-keyring(7), thread-keyring(7)).
  void leave_last_user(const Token& token) {
    if (!service_for("run_as").session_keyrings || (last_ && *last_ == token)) return;
    const SystemCalls& calls = system_calls();
    last_.reset();
    check_keyctl("join a fresh session keyring", calls.keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0));
    const auto thread_keyring = static_cast<unsigned long>(KEY_SPEC_THREAD_KEYRING);
    if (calls.keyctl(KEYCTL_GET_KEYRING_ID, thread_keyring, 0) >= 0) {
      check_keyctl("clear the thread keyring", calls.keyctl(KEYCTL_CLEAR, thread_keyring, 0));
    }
    last_ = token;
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  Job* job_ = nullptr;
  std::optional<Token> last_;
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
  std::shared_ptr<Worker> start() {
    auto worker = std::make_shared<Worker>();
    const AsService self;  // clone(2) copies the credentials of the thread that calls it
    const sigset_t masked = asynchronous_signals();
    sigset_t before;
    ::pthread_sigmask(SIG_SETMASK, &masked, &before);
    try {
      std::thread([this, worker] { worker->loop([&] { return park(worker); }); }).detach();
    } catch (const std::system_error& error) {
      ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
      throw Error(Error::Reason::out_of_resources, std::string{"behalf: run_as: start a worker: "} + error.what(),
                  error.code().value());
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
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
