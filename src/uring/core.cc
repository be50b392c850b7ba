#include "uring/core.h"

#include <algorithm>
#include <system_error>

#include "behalf/error.h"
#include "identity/give_back_failure.h"
#include "identity/service.h"
#include "identity/worker_signals.h"
#include "uring/kernel_engine.h"
#include "uring/pool_engine.h"

namespace behalf::uring::detail {

namespace {

// The core that the calling thread drives.
constinit thread_local const Core* driven_here = nullptr;

constexpr int rounds_at_once = 16;  // before poll() returns to the caller's loop
constexpr std::chrono::milliseconds drain_round{100};
constexpr int drain_rounds_when_stuck = 10;

std::exception_ptr refused_at_the_end() {
  return std::make_exception_ptr(
      Error(Error::Reason::cancelled, "behalf: uring: the request was not begun: the ring is being destroyed"));
}

bool may_be_without_kernel(const Error& error) noexcept {
  return error.reason() == Error::Reason::not_permitted || error.reason() == Error::Reason::platform;
}

std::unique_ptr<Engine> make_engine(const Options& options, FixedBuffers& buffers, ThreadPool& pool,
                                    Engine::Owner& owner, bool& uses_kernel) {
  using Without = Options::WithoutKernel;
  const behalf::detail::AsServiceIfAny self;  // the ring is its maker's
  if (options.without_kernel != Without::always) {
    try {
      auto engine = std::make_unique<KernelEngine>(options, buffers.all(), owner);
      uses_kernel = true;
      return engine;
    } catch (const Error& error) {
      if (options.without_kernel == Without::refuse || !may_be_without_kernel(error)) throw;
    }
  }
  return std::make_unique<PoolEngine>(options, pool, owner);
}

}  // namespace

// The kernel makes its helpers as copies of the thread that drives, now or when it gets round to it on this thread.
void refuse_to_drive_as_user() {
  if (!is_impersonating()) return;
  throw Error(Error::Reason::inside_impersonation,
              "behalf: uring: drive a ring on a thread that wears somebody: the kernel makes threads as copies of the "
              "one that drives, and a user may kill(2) what has her real id, and the process with it. Drive as the "
              "service; requests can be submitted from anywhere");
}

// That this thread, which is the service, drives.
class Core::Driving {
 public:
  explicit Driving(Core& core) : turns_(core.driving_) {
    turns_.take([&] { core.engine_->wake(); });  // whoever drives may wait for something that does not come
    before_ = std::exchange(driven_here, &core);
  }
  ~Driving() {
    driven_here = before_;
    turns_.give_back();
  }
  Driving(const Driving&) = delete;
  Driving& operator=(const Driving&) = delete;

 private:
  Turns& turns_;
  const Core* before_ = nullptr;
};

Core::Core(const Options& options)
    : driven_by_caller_(options.driven_by == Options::DrivenBy::caller),
      fixed_buffers_(options.fixed_buffers, options.fixed_buffer_size),
      pool_(options.pool != nullptr ? *options.pool : own_pool_.emplace(ThreadPoolOptions{.threads = options.threads})),
      engine_(make_engine(options, fixed_buffers_, pool_, *this, uses_kernel_)) {
  if (driven_by_caller_) return;
  try {
    const behalf::detail::AsServiceIfAny self;  // clone(2) copies the credentials of the thread that calls it
    const behalf::detail::SignalsBlocked meanwhile;
    thread_ = std::thread([this] { serve(); });
  } catch (const std::system_error& error) {
    throw Error(Error::Reason::out_of_resources, std::string{"behalf: uring: start a thread: "} + error.what(),
                error.code().value());
  }
}

Core::~Core() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  if (driven_by_caller_) {
    const behalf::detail::AsServiceIfAny self;
    const Driving here(*this);
    shut_down();
  } else {
    engine_->wake();
    thread_.join();
  }
  own_pool_.reset();  // which runs what was told, and that may submit, to be refused
}

bool Core::drives_here() const noexcept {
  return driven_here == this;
}

bool Core::is_ending() noexcept {
  const std::lock_guard lock(mutex_);
  return ending_;
}

void Core::submit(Operation& operation, std::stop_token stop) noexcept {
  submitted_count_.fetch_add(1, std::memory_order_relaxed);
  // From here on it can be cancelled, also before it is in the list.
  if (stop.stop_possible()) operation.stop.emplace(std::move(stop), Operation::Cancel{this, &operation});
  {
    const std::unique_lock lock(mutex_);
    if (!ending_) {
      submitted_.push(operation);
      // Who drives looks again before it sleeps, and whoever has called it need not be joined by others. (Called under
      // the lock: after it, the operation may have ended, and the ring with it.)
      if (!drives_here() && !std::exchange(awake_, true)) engine_->wake();
      return;
    }
  }
  operation.refused = refused_at_the_end();
  settle(operation);
}

void Core::cancel(Operation& operation) noexcept {
  const std::lock_guard lock(mutex_);
  if (std::exchange(operation.stop_asked, true)) return;
  operation.next_cancelled = std::exchange(cancellations_, &operation);
  if (!std::exchange(awake_, true)) engine_->wake();
}

void Core::tell(behalf::detail::PoolTask* task) noexcept {
  const auto* const there = behalf::detail::service();
  const bool is_service =
      there != nullptr ? behalf::detail::same(task->who.data(), there->token) : task->who.data() == nullptr;
  if (!is_service || !drives_here()) return pool_.take_over(task);
  task->run({});
  task->complete();
  delete task;
}

Counts Core::counts() const noexcept {
  Counts counts;
  counts.submitted = submitted_count_.load(std::memory_order_relaxed);
  counts.ended = ended_count_.load(std::memory_order_relaxed);
  counts.refused = refused_count_.load(std::memory_order_relaxed);
  counts.under_way = begun_count_.load(std::memory_order_relaxed);
  counts.waiting = waiting_count_.load(std::memory_order_relaxed);
  engine_->count(counts);
  return counts;
}

void Core::run(std::span<const std::unique_ptr<Pending>> operations) {
  BatchWait wait(operations.size());
  for (const auto& operation : operations) operation->told(wait);
  const auto drive_here = [&] {
    submitted_count_.fetch_add(operations.size(), std::memory_order_relaxed);
    const bool refused = is_ending();
    for (const auto& operation : operations) {
      await_turn(*operation);
      if (refused) refuse(*operation);
    }
    while (!wait.over()) go_round(Engine::Wait::yes, std::nullopt);
  };
  if (drives_here()) {
    refuse_to_drive_as_user();
    drive_here();
  } else if (driven_by_caller()) {
    refuse_to_drive_as_user();
    const Driving here(*this);
    drive_here();
    tell_and_go_on();
  } else {
    for (const auto& operation : operations) submit(*operation, {});
    wait.wait();
  }
}

void Core::drive(Engine::Wait wait, std::optional<Clock::time_point> until) {
  if (!driven_by_caller()) {
    throw Error(
        Error::Reason::not_permitted,
        "behalf: uring: drive a ring: it has a thread of its own. Options::driven_by = caller is for rings that "
        "are driven");
  }
  if (drives_here()) return;
  refuse_to_drive_as_user();
  const Driving here(*this);
  go_round(wait, until);
  tell_and_go_on();
}

// What was told may have submitted more, which is handed over, so that fd() tells of it.
void Core::tell_and_go_on() noexcept {
  tell_of_ended();
  for (int round = 0; has_more(); ++round) {
    if (round == rounds_at_once) return engine_->wake();
    go_round(Engine::Wait::no, std::nullopt);
    tell_of_ended();
  }
}

bool Core::has_more() noexcept {
  if (!ended_.empty() || (room_was_made_ && !waiting_.empty())) return true;
  const std::lock_guard lock(mutex_);
  return !submitted_.empty() || cancellations_ != nullptr;
}

void Core::serve() noexcept {
  const Driving here(*this);
  while (!is_ending()) {
    go_round(Engine::Wait::yes, std::nullopt);
    tell_of_ended();
  }
  shut_down();
}

void Core::go_round(Engine::Wait wait, std::optional<Clock::time_point> until) noexcept {
  const std::uint64_t ended_before = ended_count_.load(std::memory_order_relaxed);
  take_submitted();
  take_cancellations();
  begin_waiting();
  const bool something_to_tell = ended_count_.load(std::memory_order_relaxed) != ended_before;
  engine_->turn(something_to_tell ? Engine::Wait::no : wait, until);
}

void Core::take_submitted() noexcept {
  Operations taken;
  {
    const std::lock_guard lock(mutex_);
    std::swap(taken, submitted_);
    awake_ = false;
  }
  while (Operation* const operation = taken.pop()) await_turn(*operation);
}

void Core::await_turn(Operation& operation) noexcept {
  operation.state = Operation::State::waiting;
  waiting_.push(operation);
  waiting_count_.fetch_add(1, std::memory_order_relaxed);
}

void Core::take_cancellations() noexcept {
  for (;;) {
    Operation* operation = nullptr;
    {
      const std::lock_guard lock(mutex_);
      operation = cancellations_;
      if (operation == nullptr) return;
      cancellations_ = operation->next_cancelled;
      operation->cancelled = true;
      if (operation->state == Operation::State::outside) continue;  // it is with who submits it, and may be refused
    }
    if (operation->state == Operation::State::begun) {
      engine_->cancel(*operation);
    } else if (operation->state == Operation::State::waiting) {
      waiting_.remove(*operation);
      waiting_count_.fetch_sub(1, std::memory_order_relaxed);
      end(*operation);
    }
  }
}

void Core::begin_waiting() noexcept {
  room_was_made_ = false;
  while (Operation* const operation = waiting_.first()) {
    bool begun = false;
    if (!operation->cancelled) {
      try {
        // What was submitted before initialize() does not begin after it; this says so.
        if (operation->whose.data() == nullptr) operation->whose.run([] {});
        begun = engine_->begin(*operation);
      } catch (...) {
        operation->refused = std::current_exception();
      }
      if (!begun && !operation->refused) return;
    }
    waiting_.remove(*operation);
    waiting_count_.fetch_sub(1, std::memory_order_relaxed);
    if (begun) {
      operation->state = Operation::State::begun;
      begun_.push(*operation);
      begun_count_.fetch_add(1, std::memory_order_relaxed);
    } else {
      end(*operation);
    }
  }
}

void Core::has_ended(Operation& operation) noexcept {
  begun_.remove(operation);
  begun_count_.fetch_sub(1, std::memory_order_relaxed);
  room_was_made_ = true;
  end(operation);
}

// One that waits.
void Core::refuse(Operation& operation) noexcept {
  operation.refused = refused_at_the_end();
  waiting_.remove(operation);
  waiting_count_.fetch_sub(1, std::memory_order_relaxed);
  end(operation);
}

void Core::end(Operation& operation) noexcept {
  operation.state = Operation::State::outside;
  settle(operation);
}

// It has been taken in by nobody, or no longer is.
void Core::settle(Operation& operation) noexcept {
  operation.stop.reset();  // waits for one who asks to stop just now, and needs the lock for it
  if (operation.stop_asked) {
    const std::lock_guard lock(mutex_);
    Operation** link = &cancellations_;
    while (*link != nullptr && *link != &operation) link = &(*link)->next_cancelled;
    if (*link != nullptr) *link = operation.next_cancelled;
  }
  if (operation.refused) refused_count_.fetch_add(1, std::memory_order_relaxed);
  ended_count_.fetch_add(1, std::memory_order_relaxed);
  if (operation.runs_code() && drives_here()) {
    ended_.push(operation);
  } else {
    operation.ended();
  }
}

void Core::tell_of_ended() noexcept {
  while (Operation* const operation = ended_.pop()) operation->ended();
}

void Core::shut_down() noexcept {
  take_submitted();
  while (Operation* const operation = waiting_.first()) refuse(*operation);
  int rounds = 0;
  for (bool asked = false; !begun_.empty();) {
    if (!std::exchange(asked, true)) {
      for (Operation* each = begun_.first(); each != nullptr;) {
        Operation* const next = each->next;
        each->cancelled = true;
        engine_->cancel(*each);
        each = next;
      }
    }
    const std::uint64_t ended_before = ended_count_.load(std::memory_order_relaxed);
    take_cancellations();
    engine_->turn(Engine::Wait::yes, Clock::now() + drain_round);
    tell_of_ended();
    const bool none_ended = ended_count_.load(std::memory_order_relaxed) == ended_before;
    asked = !none_ended;
    if (none_ended && engine_->is_stuck() && ++rounds > drain_rounds_when_stuck) {
      behalf::detail::end_process(
          "behalf: uring: requests are under way, and the kernel lets them be neither waited for nor cancelled. The "
          "process ends, before it uses memory that they write to\n");
    }
  }
  tell_of_ended();
}

}  // namespace behalf::uring::detail
