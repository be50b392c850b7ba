// task<T>: a coroutine that is somebody. It wears its identity while it runs, and no thread wears it while it waits.
//
//   behalf::task<int> count(behalf::ThreadPool& pool, std::string path) {
//     co_await behalf::schedule(pool);                 // goes on there, as the same user
//     co_return count_lines(path);
//   }
//
//   behalf::Impersonation as{alice};                   // on a thread of yours
//   int lines = behalf::sync_wait(count(pool, "/home/alice/note.txt"));
//   std::future<int> later = behalf::start(pool, count(pool, "/etc/hosts").as(bob));
//
// The identity is captured when the coroutine is called, or given by as(). It is given back before each suspension,
// before the awaitable learns of the coroutine, and worn again before the body goes on, on whatever thread resumes it.
// An Impersonation or AsService in the body belongs to the coroutine, not to the thread: it is suspended and resumed
// with the body; so are a ThreadDirectory, a ThreadUmask and a CallContext::Scope. A task that awaits another task of
// the same identity hands over what it wears, without a system call.
//
// A task goes on after another by symmetric transfer, which takes no room on the stack. GCC makes a jump of it at -O2
// alone: without, or with a sanitizer, a loop in a body that awaits some ten thousand tasks which never suspend ends in
// a stack overflow (GCC bug 100897).
//
// Where the identity cannot be worn again, not one line more of the body runs, no handler and no destructor: the
// awaiting task (or the future) gets the error, and the frame is destroyed as its user, what is in a scope of the body
// as whom that wears, or kept (abandoned()).
#pragma once

#include <atomic>
#include <condition_variable>
#include <coroutine>
#include <exception>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "behalf/carried.h"
#include "behalf/place.h"
#include "behalf/run_as.h"
#include "behalf/thread_pool.h"

namespace behalf {

template <class T>
class task;

namespace detail {

class TaskCore;

// Told when a task that no task awaits has ended. The task may be destroyed from within.
class TaskEnd {
 public:
  TaskEnd() = default;
  TaskEnd(const TaskEnd&) = delete;
  TaskEnd& operator=(const TaskEnd&) = delete;
  virtual void ended(TaskCore& task) noexcept = 0;

 protected:
  ~TaskEnd() = default;
};

// What the promises of all tasks have in common.
class TaskCore {
 public:
  TaskCore() = default;
  TaskCore(const TaskCore&) = delete;
  TaskCore& operator=(const TaskCore&) = delete;
  ~TaskCore();

  // What is to be resumed so that the body goes on as its user: the body, which is worn for by then; or, where that
  // cannot be, what goes on after this task has failed.
  [[nodiscard]] std::coroutine_handle<> go_on() noexcept;
  // The task has failed, and its body is left where it is. What goes on then.
  [[nodiscard]] std::coroutine_handle<> failed(std::exception_ptr why) noexcept;
  // What others may resume at any time: go_on() is what happens then. May throw std::bad_alloc the first time.
  [[nodiscard]] std::coroutine_handle<> entrance();
  void give_back() noexcept;
  // The body awaits `inner`. What is to be resumed.
  [[nodiscard]] std::coroutine_handle<> await(TaskCore& inner) noexcept;
  // The body has ended. What is to be resumed.
  [[nodiscard]] std::coroutine_handle<> end() noexcept;
  // The frame, and this with it, as the task's user and in the scopes that the body waits in; or it is kept.
  void destroy() noexcept;

  Carried who;
  std::stop_token stop;
  std::coroutine_handle<> body;
  std::exception_ptr thrown;        // how the task ended
  std::exception_ptr to_be_thrown;  // in the body, when it goes on
  TaskEnd* at_end = nullptr;

 private:
  void wear();
  // Those that the body waits in. Where one cannot be, none is, and it throws; it can be tried again.
  void enter_scopes();
  void destroy_within() noexcept;
  bool hand_over(TaskCore& to) noexcept;

  TaskCore* awaited_by_ = nullptr;
  Region worn_;
  const Region* floor_ = nullptr;  // the innermost region when the body goes on; those of the body are inside of it
  Region* suspended_ = nullptr;    // those of the body, while it waits
  const OfThread* floor_of_thread_ = nullptr;  // the same of the thread's directory, umask and call
  OfThread* suspended_of_thread_ = nullptr;
  std::coroutine_handle<> entrance_;
};

template <class Awaitable>
decltype(auto) awaiter_of(Awaitable&& awaitable) {
  if constexpr (requires { std::forward<Awaitable>(awaitable).operator co_await(); }) {
    return std::forward<Awaitable>(awaitable).operator co_await();
  } else if constexpr (requires { operator co_await(std::forward<Awaitable>(awaitable)); }) {
    return operator co_await(std::forward<Awaitable>(awaitable));
  } else {
    return std::forward<Awaitable>(awaitable);
  }
}

// An awaitable of anybody's, in the body of a task.
template <class Awaiter>
class Awaiting {
 public:
  template <class A>
  Awaiting(TaskCore& task, A&& awaitable) : task_(task), awaiter_(awaiter_of(std::forward<A>(awaitable))) {}

  bool await_ready() { return awaiter_.await_ready(); }

  std::coroutine_handle<> await_suspend(std::coroutine_handle<>) {
    const std::coroutine_handle<> entrance = task_.entrance();
    // Before the awaitable learns of the coroutine, which may go on elsewhere from then on.
    task_.give_back();
    try {
      using Said = decltype(suspend(entrance));
      if constexpr (std::is_void_v<Said>) {
        suspend(entrance);
        return std::noop_coroutine();
      } else if constexpr (std::is_same_v<Said, bool>) {
        return suspend(entrance) ? std::noop_coroutine() : task_.go_on();
      } else {
        return suspend(entrance);
      }
    } catch (...) {
      task_.to_be_thrown = std::current_exception();
      return task_.go_on();
    }
  }

  decltype(auto) await_resume() {
    if (task_.to_be_thrown) std::rethrow_exception(std::exchange(task_.to_be_thrown, nullptr));
    return awaiter_.await_resume();
  }

 private:
  decltype(auto) suspend(std::coroutine_handle<> entrance) {
    if constexpr (requires { awaiter_.await_suspend(entrance, task_); }) {
      return awaiter_.await_suspend(entrance, task_);  // one of our own
    } else {
      return awaiter_.await_suspend(entrance);
    }
  }

  TaskCore& task_;
  Awaiter awaiter_;
};

struct OwnStopToken {};

template <class T>
struct IsTask : std::false_type {};
template <class T>
struct IsTask<task<T>> : std::true_type {};

template <class T>
class TaskPromise;

template <class T>
class AwaitingTask {
 public:
  AwaitingTask(TaskCore& outer, task<T>&& inner) : outer_(outer), inner_(std::move(inner)) {}
  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<>) noexcept { return outer_.await(inner_.core()); }
  T await_resume() { return inner_.take(); }

 private:
  TaskCore& outer_;
  task<T> inner_;
};

struct TaskFinal {
  TaskCore& task;
  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<>) const noexcept { return task.end(); }
  void await_resume() const noexcept {}
};

class TaskPromiseBase : public TaskCore {
 public:
  std::suspend_always initial_suspend() const noexcept { return {}; }
  TaskFinal final_suspend() noexcept { return {*this}; }
  void unhandled_exception() noexcept { thrown = std::current_exception(); }

  template <class A>
  auto await_transform(A&& awaitable) {
    using Plain = std::remove_cvref_t<A>;
    static_assert(!std::is_base_of_v<Scope, Plain>,
                  "behalf::task: an Impersonation is not awaited. It is a scope: name it in the body, and it is "
                  "suspended and resumed with the coroutine");
    static_assert(std::is_base_of_v<Scope, Plain> || std::is_same_v<Plain, OwnStopToken> || Awaitable<A>,
                  "behalf::task: co_await of something that is not awaitable");
    if constexpr (std::is_same_v<Plain, OwnStopToken>) {
      struct Ready : std::suspend_never {
        std::stop_token stop;
        std::stop_token await_resume() const noexcept { return stop; }
      };
      return Ready{{}, stop};
    } else if constexpr (IsTask<Plain>::value) {
      static_assert(!std::is_lvalue_reference_v<A>,
                    "behalf::task: a task is awaited once: co_await std::move(the_task)");
      return AwaitingTask(*this, std::forward<A>(awaitable));
    } else {
      using Awaiter = decltype(awaiter_of(std::forward<A>(awaitable)));
      return Awaiting<Awaiter>(*this, std::forward<A>(awaitable));
    }
  }
};

template <class T>
class TaskPromise final : public TaskPromiseBase {
 public:
  task<T> get_return_object();
  template <class U>
  void return_value(U&& value) {
    if constexpr (std::is_lvalue_reference_v<T>) {
      value_ = std::addressof(value);
    } else {
      value_.emplace(std::forward<U>(value));
    }
  }
  T take() {
    if (thrown) std::rethrow_exception(std::exchange(thrown, nullptr));
    if constexpr (std::is_lvalue_reference_v<T>) {
      return *value_;
    } else {
      return std::move(*value_);
    }
  }

 private:
  std::conditional_t<std::is_lvalue_reference_v<T>, std::remove_reference_t<T>*, std::optional<T>> value_{};
};

template <>
class TaskPromise<void> final : public TaskPromiseBase {
 public:
  task<void> get_return_object();
  void return_void() const noexcept {}
  void take() {
    if (thrown) std::rethrow_exception(std::exchange(thrown, nullptr));
  }
};

}  // namespace detail

// Effects: calling a coroutine that returns a task captures the identity and runs nothing; it starts when it is awaited
// by another task, or by sync_wait() or start(). Its frame, with the parameters and the result, is destroyed as its
// user. A task that awaits another passes its stop token on.
//
// Errors, when it is called: those of Carried. When it is awaited: what the body throws; Error as of Impersonation
// where the identity cannot be worn.
//
// Thread-safety: of one owner. Cost: the coroutine's frame, and a small one more at the first suspension that is not
// for another task; at each such suspension and resumption an Impersonation, but none where the thread wears it anyway.
template <class T = void>
class [[nodiscard]] task {
 public:
  using promise_type = detail::TaskPromise<T>;

  task(task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  task& operator=(task&& other) noexcept {
    if (this != &other) {
      reset();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  task(const task&) = delete;
  task& operator=(const task&) = delete;
  ~task() { reset(); }

  // The same task as somebody else (a Token, as_service, a Carried); before it is started. Errors: those of Carried.
  template <detail::SaysWho Who>
  task as(const Who& who) && {
    handle_.promise().who = Carried(who);
    return std::move(*this);
  }

  // For the library's own use.
  explicit task(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}
  [[nodiscard]] detail::TaskCore& core() const noexcept { return handle_.promise(); }
  T take() { return handle_.promise().take(); }

 private:
  void reset() noexcept {
    if (handle_ == nullptr) return;
    core().destroy();
    handle_ = nullptr;
  }

  std::coroutine_handle<promise_type> handle_;
};

namespace detail {

template <class T>
task<T> TaskPromise<T>::get_return_object() {
  const auto handle = std::coroutine_handle<TaskPromise>::from_promise(*this);
  body = handle;
  return task<T>(handle);
}
inline task<void> TaskPromise<void>::get_return_object() {
  const auto handle = std::coroutine_handle<TaskPromise>::from_promise(*this);
  body = handle;
  return task<void>(handle);
}

// Waits for the end of a task on a thread that has nothing else to do.
class TaskWait final : public TaskEnd {
 public:
  void ended(TaskCore&) noexcept override;
  void wait();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;
};

// Lets a task begin on a worker of the pool; takes it over, and throws where the pool does not take it. `at_end` is
// told in either case.
void start_on(ThreadPool& pool, TaskCore& task, Place where);

template <class T>
class StartedTask final : public TaskEnd {
 public:
  explicit StartedTask(task<T>&& started) : task_(std::move(started)) { task_->core().at_end = this; }

  std::future<T> future() { return promise_.get_future(); }
  TaskCore& core() { return task_->core(); }

  // As the task's user, whose the result is until somebody has it from the future.
  void ended(TaskCore& task) noexcept override {
    const Carried who = task.who;
    const auto finish = [](void* self) noexcept {
      static_cast<StartedTask*>(self)->settle();
      delete static_cast<StartedTask*>(self);
    };
    if (done_as(who, finish, this)) return;
    settle();  // whoever waits is told all the same; the frame is kept, and so is what is left here
    destroy_as(
        who, [](void* self) noexcept { delete static_cast<StartedTask*>(self); }, this);
  }

 private:
  void settle() noexcept {
    try {
      if constexpr (std::is_void_v<T>) {
        task_->take();
        task_.reset();
        promise_.set_value();
      } else {
        Outcome<T> outcome;
        outcome.fill([this]() -> T { return task_->take(); });
        task_.reset();
        promise_.set_value(outcome.take());
      }
    } catch (...) {
      task_.reset();
      promise_.set_exception(std::current_exception());
    }
  }

  std::optional<task<T>> task_;
  std::promise<T> promise_;
};

class Schedule {
 public:
  Schedule(ThreadPool& pool, Place where) noexcept : pool_(pool), where_(where) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> entrance, TaskCore& task);
  void await_resume() const noexcept {}

 private:
  ThreadPool& pool_;
  Place where_;
};

// Awaits several tasks. The first that fails asks the others to stop.
class AllOf final : public TaskEnd {
 public:
  explicit AllOf(std::vector<TaskCore*> tasks) : tasks_(std::move(tasks)) {}
  bool await_ready() const noexcept { return tasks_.empty(); }
  bool await_suspend(std::coroutine_handle<> entrance, TaskCore& outer);
  void await_resume() noexcept { outer_stops_.reset(); }
  void ended(TaskCore& task) noexcept override;

 private:
  struct Stop {
    std::stop_source* source;
    void operator()() const noexcept { source->request_stop(); }
  };

  std::vector<TaskCore*> tasks_;
  std::stop_source stop_;
  std::optional<std::stop_callback<Stop>> outer_stops_;
  std::coroutine_handle<> entrance_;
  std::atomic<std::size_t> left_{0};
};

template <class T>
using NotVoid = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

template <class T>
NotVoid<T> take_from(task<T>& from) {
  if constexpr (std::is_void_v<T>) {
    from.take();
    return {};
  } else {
    return from.take();
  }
}

}  // namespace detail

// Effects: runs the task and waits for its end; it begins on the calling thread. Its result or its exception comes
// back. Errors: as of task; on the main thread a task in `full` posture fails with Error of reason main_thread.
template <class T>
T sync_wait(task<T> awaited, std::stop_token stop = {}) {
  detail::TaskWait end;
  detail::TaskCore& core = awaited.core();
  core.at_end = &end;
  core.stop = std::move(stop);
  core.go_on().resume();
  end.wait();
  return awaited.take();
}

// Effects: the task begins on a worker of the pool, as its own identity. The future gets its result once its frame has
// been destroyed; a result that nobody waits for is destroyed as its user too. Errors: as of ThreadPool::submit; the
// future's as of task.
template <class T>
std::future<T> start(ThreadPool& pool, task<T> started, std::stop_token stop = {}, Place where = Place::here()) {
  auto owner = std::make_unique<detail::StartedTask<T>>(std::move(started));
  owner->core().stop = std::move(stop);
  std::future<T> future = owner->future();
  detail::start_on(pool, owner.release()->core(), where);
  return future;
}

// `co_await schedule(pool)`: the task goes on on a worker of the pool. Errors, thrown in the body: Error of reason
// queue_full; cancelled, where the pool is cancelled or the task was asked to stop before a worker came to it.
[[nodiscard]] inline detail::Schedule schedule(ThreadPool& pool, Place where = Place::here()) noexcept {
  return {pool, where};
}

// `co_await own_stop_token()`: the stop token that the task was started with. Does not suspend.
[[nodiscard]] inline detail::OwnStopToken own_stop_token() noexcept {
  return {};
}

// Effects: awaits all of them, each as its own identity; they begin one after the other on the thread that awaits.
// Errors: the first in their order; when one fails the others are asked to stop, and all have ended before it is told.
template <class T>
task<std::conditional_t<std::is_void_v<T>, void, std::vector<detail::NotVoid<T>>>> when_all(
    std::vector<task<T>> tasks) {
  std::vector<detail::TaskCore*> cores;
  for (task<T>& each : tasks) cores.push_back(&each.core());
  co_await detail::AllOf(std::move(cores));
  if constexpr (std::is_void_v<T>) {
    for (task<T>& each : tasks) each.take();
  } else {
    std::vector<T> results;
    for (task<T>& each : tasks) results.push_back(each.take());
    co_return results;
  }
}

template <class... Ts>
task<std::tuple<detail::NotVoid<Ts>...>> when_all(task<Ts>... tasks) {
  std::vector<detail::TaskCore*> cores{&tasks.core()...};
  co_await detail::AllOf(std::move(cores));
  co_return std::tuple<detail::NotVoid<Ts>...>{detail::take_from(tasks)...};
}

}  // namespace behalf
