#include "uring/pool_engine.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "behalf/error.h"
#include "identity/errors.h"
#include "transfer/later.h"
#include "uring/request_kind.h"

namespace behalf::uring::detail {

namespace {

// How soon a connect is tried again that the other side had no room for: nothing tells when it has (connect(2),
// EAGAIN).
constexpr std::chrono::milliseconds connects_again{5};

}  // namespace

// An operation and where it stands. With a worker, or with the thread that drives.
struct PoolEngine::Job {
  explicit Job(Operation& of) noexcept : operation(of) {}

  Operation& operation;
  bool wants_to_wait = false;
  // What for: events of a file, none for time alone; and no longer than that.
  int file = -1;
  short events = 0;
  std::optional<Clock::time_point> limit;  // of the request
  std::optional<Clock::time_point> until;  // this time
  bool parked = false;
  int watched = -1;  // the descriptor that is watched: a copy, since a file can be waited for by several
  std::multimap<Clock::time_point, Job*>::iterator deadline;
  int error = 0;  // it could not be parked
  Job* next_given_back = nullptr;
};

class PoolEngine::Errand final : public behalf::detail::PoolTask {
 public:
  Errand(PoolEngine& engine, Job& job) : PoolTask(job.operation.whose, {}, {}), engine_(engine), job_(job) {}
  void run(const std::stop_token&) noexcept override { engine_.perform(job_); }
  void drop(std::exception_ptr) noexcept override { engine_.perform(job_); }
  void fail(std::exception_ptr why) noexcept override {
    job_.operation.refused = std::move(why);
    job_.wants_to_wait = false;
    engine_.give_back(job_);
  }
  [[nodiscard]] bool has_callable() const noexcept override { return false; }
  void complete() noexcept override {}

 private:
  PoolEngine& engine_;
  Job& job_;
};

PoolEngine::Closed::Closed(int made) : number(made) {
  if (made >= 0) return;
  throw Error(Error::Reason::out_of_resources,
              std::string{"behalf: uring: make a descriptor to wait with: "} + behalf::detail::error_words(errno),
              errno);
}
PoolEngine::Closed::~Closed() {
  ::close(number);
}

PoolEngine::PoolEngine(const Options& options, ThreadPool& pool, Owner& owner)
    : pool_(pool),
      owner_(owner),
      under_way_at_most_(std::max(options.under_way_at_most, 1U)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      alarm_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
  for (const int fd : {wake_up_.fd(), alarm_.number}) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = fd == alarm_.number ? static_cast<void*>(&alarm_) : static_cast<void*>(&wake_up_);
    if (::epoll_ctl(epoll_.number, EPOLL_CTL_ADD, fd, &event) != 0) {
      throw Error(Error::Reason::out_of_resources,
                  std::string{"behalf: uring: epoll_ctl: "} + behalf::detail::error_words(errno), errno);
    }
  }
}

PoolEngine::~PoolEngine() = default;

bool PoolEngine::begin(Operation& operation) noexcept {
  if (jobs_.size() >= under_way_at_most_) return false;
  try {
    auto job = std::make_unique<Job>(operation);
    Job& made = *job;
    jobs_.emplace(&operation, std::move(job));
    send_out(made);
    return true;
  } catch (...) {
    operation.refused = std::current_exception();
    return false;
  }
}

void PoolEngine::cancel(Operation& operation) noexcept {
  const auto found = jobs_.find(&operation);
  if (found == jobs_.end() || !found->second->parked) return;  // the worker sees it
  unpark(*found->second);
  send_out(*found->second);
}

void PoolEngine::send_out(Job& job) noexcept {
  try {
    pool_.take_over(new Errand(*this, job));
  } catch (...) {
    job.operation.refused = std::current_exception();
    job.wants_to_wait = false;
    give_back(job);
  }
}

// As the user, on a worker: request after request, as a ring does its links (io_uring_enter(2), IOSQE_IO_LINK).
void PoolEngine::perform(Job& job) noexcept {
  Operation& operation = job.operation;
  const std::span<Request> requests = operation.requests();
  bool broken = false;
  for (; operation.next_request < requests.size(); ++operation.next_request) {
    Request& request = requests[operation.next_request];
    RequestData& data = request.data();
    if (broken || (operation.cancelled && !data.kind->closes)) {
      data.result = -ECANCELED;
    } else if (!performed(job, request)) {
      job.wants_to_wait = true;
      return give_back(job);
    }
    broken |= data.link == Link::if_done && falls_short(data, data.result);
    job.limit.reset();
    job.until.reset();
  }
  if (operation.file >= 0) ::close(std::exchange(operation.file, -1));
  job.wants_to_wait = false;
  give_back(job);
}

// Whether it has its result; otherwise the job says what it waits for.
bool PoolEngine::performed(Job& job, Request& request) noexcept {
  RequestData& data = request.data();
  Operation& operation = job.operation;
  const RequestKind& kind = *data.kind;
  const auto now = Clock::now();
  if ((data.limited || kind.is_time) && !job.limit) {
    job.limit = behalf::detail::later(
        now, std::chrono::seconds{data.limit.seconds} + std::chrono::nanoseconds{data.limit.nanoseconds});
  }
  const int file = means_opened(data) ? operation.file : data.fd;
  job.file = file;
  job.events = kind.waits_for;
  job.until = job.limit;
  long result = -std::exchange(job.error, 0);
  if (result == 0) result = kind.perform(data, file);
  if (result == -EAGAIN || result == -EINPROGRESS) {
    if (!job.limit || now < *job.limit) {
      if (kind.waits_for != 0 || kind.is_time) return false;
      // poll and connect
      job.events = result == -EINPROGRESS ? short{POLLOUT} : static_cast<short>(data.mode);
      if (job.events == 0 && (!job.until || now + connects_again < *job.until)) job.until = now + connects_again;
      return false;
    }
    result = kind.is_time ? 0 : -ETIMEDOUT;
  }
  data.result = static_cast<int>(result);
  if (kind.closes && means_opened(data)) operation.file = -1;
  const auto is_in_table = [](const Request& each) { return means_opened(each.data()); };
  if (kind.opens && result >= 0 && std::any_of(operation.requests().begin(), operation.requests().end(), is_in_table)) {
    if (operation.file >= 0) ::close(operation.file);
    operation.file = static_cast<int>(result);
    data.result = 0;  // as in a ring: it has no descriptor
  }
  return true;
}

void PoolEngine::give_back(Job& job) noexcept {
  const std::lock_guard lock(mutex_);
  const bool first = given_back_ == nullptr;
  job.next_given_back = std::exchange(given_back_, &job);
  // Called under the lock: after it, the job and the engine may be gone.
  if (first) wake_up_.call();
}

void PoolEngine::turn(Wait wait, std::optional<Clock::time_point> until) noexcept {
  set_alarm();
  int milliseconds = wait == Wait::no ? 0 : -1;
  if (wait == Wait::yes && until) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*until - Clock::now());
    milliseconds = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1'000'000));
  }
  wait_for_events(milliseconds);
  take_expired();
  take_given_back();
  set_alarm();
}

void PoolEngine::wait_for_events(int milliseconds) noexcept {
  epoll_event events[64];
  const int count = ::epoll_wait(epoll_.number, events, 64, milliseconds);
  for (int i = 0; i < count; ++i) {
    if (events[i].data.ptr == &wake_up_) {
      wake_up_.answer();
    } else if (events[i].data.ptr == &alarm_) {
      std::uint64_t times = 0;
      [[maybe_unused]] const ssize_t got = ::read(alarm_.number, &times, sizeof times);
    } else {
      Job& job = *static_cast<Job*>(events[i].data.ptr);
      unpark(job);
      send_out(job);
    }
  }
}

void PoolEngine::take_expired() noexcept {
  const auto now = Clock::now();
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    Job& job = *deadlines_.begin()->second;
    unpark(job);
    send_out(job);
  }
}

void PoolEngine::take_given_back() noexcept {
  Job* job = nullptr;
  {
    const std::lock_guard lock(mutex_);
    job = std::exchange(given_back_, nullptr);
  }
  while (job != nullptr) {
    Job* const next = job->next_given_back;
    if (!job->wants_to_wait) {
      end(*job);
    } else if (job->operation.cancelled) {
      send_out(*job);
    } else {
      park(*job);
    }
    job = next;
  }
}

void PoolEngine::park(Job& job) noexcept {
  try {
    if (job.until) job.deadline = deadlines_.emplace(*job.until, &job);
  } catch (...) {
    job.error = ENOMEM;
    return send_out(job);
  }
  job.parked = true;
  if (job.events == 0) return;
  job.watched = ::fcntl(job.file, F_DUPFD_CLOEXEC, 0);
  epoll_event event{};
  event.events = static_cast<unsigned short>(job.events) | unsigned{EPOLLONESHOT};
  event.data.ptr = &job;
  if (job.watched >= 0 && ::epoll_ctl(epoll_.number, EPOLL_CTL_ADD, job.watched, &event) == 0) return;
  job.error = errno;
  unpark(job);
  send_out(job);
}

void PoolEngine::unpark(Job& job) noexcept {
  if (job.until) deadlines_.erase(job.deadline);
  if (job.watched >= 0) {
    (void)::epoll_ctl(epoll_.number, EPOLL_CTL_DEL, job.watched, nullptr);
    ::close(std::exchange(job.watched, -1));
  }
  job.parked = false;
}

void PoolEngine::set_alarm() noexcept {
  itimerspec at{};
  if (!deadlines_.empty()) {
    const auto limit = limit_of(deadlines_.begin()->first.time_since_epoch());
    at.it_value = {limit.seconds, limit.nanoseconds};
  }
  (void)::timerfd_settime(alarm_.number, TFD_TIMER_ABSTIME, &at, nullptr);
}

void PoolEngine::end(Job& job) noexcept {
  Operation& operation = job.operation;
  if (operation.file >= 0) ::close(std::exchange(operation.file, -1));
  jobs_.erase(&operation);
  owner_.has_ended(operation);
}

}  // namespace behalf::uring::detail
