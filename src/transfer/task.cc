#include "behalf/task.h"

#include "identity/token_data.h"

namespace behalf::detail {

namespace {

// A coroutine that does one thing whenever it is resumed: lets a task go on. It stands for the task wherever others
// resume it, so that a task whose identity cannot be worn is not resumed at all.
struct Entrance {
  struct promise_type {
    Entrance get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    std::suspend_always final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }
  };
  std::coroutine_handle<> handle;
};

struct GoOn {
  TaskCore* task;
  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<>) const noexcept { return task->go_on(); }
  void await_resume() const noexcept {}
};

Entrance entrance_to(TaskCore* task) {
  for (;;) co_await GoOn{task};
}

// A task of ours that waits in a pool's queue.
class Resumption final : public PoolTask {
 public:
  // Without an entrance the task has not begun.
  Resumption(TaskCore& task, std::coroutine_handle<> entrance, Place submitted_at)
      : PoolTask(task.who, task.stop, submitted_at), task_(task), entrance_(entrance) {}

  void run(const std::stop_token&) noexcept override { (entrance_ ? entrance_ : task_.go_on()).resume(); }

  void drop(std::exception_ptr why) noexcept override {
    if (!entrance_) return task_.failed(std::move(why)).resume();
    task_.to_be_thrown = std::move(why);
    entrance_.resume();
  }

  void fail(std::exception_ptr why) noexcept override { task_.failed(std::move(why)).resume(); }
  [[nodiscard]] bool has_callable() const noexcept override { return false; }
  void complete() noexcept override {}

 private:
  TaskCore& task_;
  std::coroutine_handle<> entrance_;
};

}  // namespace

TaskCore::~TaskCore() {
  if (entrance_) entrance_.destroy();
}

void TaskCore::wear() {
  who.enter(worn_);
  floor_ = Region::innermost();
  floor_of_thread_ = OfThread::innermost();
  try {
    enter_scopes();
  } catch (...) {
    if (worn_.entered()) worn_.leave();
    throw;
  }
}

void TaskCore::enter_scopes() {
  Region::resume(suspended_);
  try {
    OfThread::resume(suspended_of_thread_);
  } catch (...) {
    suspended_ = Region::suspend_down_to(floor_);
    throw;
  }
  suspended_ = nullptr;
  suspended_of_thread_ = nullptr;
}

void TaskCore::destroy() noexcept {
  const Carried as = who;  // which is destroyed with the frame
  const auto within = [](void* core) noexcept { static_cast<TaskCore*>(core)->destroy_within(); };
  destroy_as(as, within, this);
}

void TaskCore::destroy_within() noexcept {
  floor_ = Region::innermost();
  floor_of_thread_ = OfThread::innermost();
  try {
    enter_scopes();
  } catch (...) {
    const auto within = [](void* core) noexcept { static_cast<TaskCore*>(core)->destroy_within(); };
    return keep(who, within, this);
  }
  body.destroy();
}

void TaskCore::give_back() noexcept {
  suspended_of_thread_ = OfThread::suspend_down_to(floor_of_thread_);
  suspended_ = Region::suspend_down_to(floor_);
  if (worn_.entered()) worn_.leave();
}

std::coroutine_handle<> TaskCore::go_on() noexcept {
  try {
    wear();
    return body;
  } catch (...) {
    return failed(std::current_exception());
  }
}

std::coroutine_handle<> TaskCore::failed(std::exception_ptr why) noexcept {
  thrown = std::move(why);
  if (awaited_by_ != nullptr) return awaited_by_->go_on();
  at_end->ended(*this);
  return std::noop_coroutine();
}

std::coroutine_handle<> TaskCore::entrance() {
  if (!entrance_) entrance_ = entrance_to(this).handle;
  return entrance_;
}

// Whether `to`, of the same identity, is worn for now in this one's place.
bool TaskCore::hand_over(TaskCore& to) noexcept {
  if (!same(who.data(), to.who.data()) || Region::innermost() != floor_ || to.suspended_ != nullptr) return false;
  if (OfThread::innermost() != floor_of_thread_ || to.suspended_of_thread_ != nullptr) return false;
  to.floor_of_thread_ = floor_of_thread_;
  to.floor_ = worn_.entered() ? &to.worn_ : floor_;
  worn_.hand_over(to.worn_);
  return true;
}

std::coroutine_handle<> TaskCore::await(TaskCore& inner) noexcept {
  inner.awaited_by_ = this;
  inner.stop = stop;
  if (hand_over(inner)) return inner.body;
  give_back();
  return inner.go_on();
}

std::coroutine_handle<> TaskCore::end() noexcept {
  if (awaited_by_ != nullptr && hand_over(*awaited_by_)) return awaited_by_->body;
  give_back();
  if (awaited_by_ != nullptr) return awaited_by_->go_on();
  at_end->ended(*this);
  return std::noop_coroutine();
}

void TaskWait::ended(TaskCore&) noexcept {
  // Told under the lock: after it, the waiting thread takes this away.
  const std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_one();
}

void TaskWait::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return ended_; });
}

void start_on(ThreadPool& pool, TaskCore& task, Place where) {
  Resumption* resumption = nullptr;
  try {
    resumption = new Resumption(task, {}, where);
    (void)pool.enqueue(resumption, false);
  } catch (...) {
    (void)task.failed(std::current_exception());
    throw;
  }
}

void Schedule::await_suspend(std::coroutine_handle<> entrance, TaskCore& task) {
  (void)pool_.enqueue(new Resumption(task, entrance, where_), false);
}

bool AllOf::await_suspend(std::coroutine_handle<> entrance, TaskCore& outer) {
  entrance_ = entrance;
  outer_stops_.emplace(outer.stop, Stop{&stop_});
  left_ = tasks_.size() + 1;  // and this beginning of them
  for (TaskCore* each : tasks_) {
    each->at_end = this;
    each->stop = stop_.get_token();
    each->go_on().resume();
  }
  return left_.fetch_sub(1) != 1;
}

void AllOf::ended(TaskCore& task) noexcept {
  if (task.thrown) stop_.request_stop();
  if (left_.fetch_sub(1) == 1) entrance_.resume();
}

}  // namespace behalf::detail
