#include "behalf/ompt.h"

#include <omp-tools.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "behalf/carried.h"
#include "behalf/error.h"
#include "identity/give_back_failure.h"
#include "identity/service.h"
#include "identity/worker_signals.h"

namespace behalf::ompt {

namespace {

std::atomic<bool> watching{false};

// A thread of a team that cannot wear its identity can neither be kept from the region nor throw: nothing is left but
// the end, before it works as somebody else.
[[noreturn]] void end_because(const Error& error) {
  const std::string line =
      std::string{
          "behalf: a thread of an OpenMP team cannot be whoever began its region; the process ends, before it "
          "works as somebody else: "} +
      error.what() + "\n";
  behalf::detail::end_process(line.c_str());
}

// What a region, or an explicit task, works as.
struct Work {
  Carried who;
  behalf::detail::Region worn;  // of an explicit task, on the thread that runs it
  bool begun = false;
  Work* outer = nullptr;  // of a region: the one that its thread had begun before
};

void wear(const Carried& who, behalf::detail::Region& region) {
  try {
    who.enter(region);
  } catch (const Error& error) {
    end_because(error);
  }
}

// A thread of the runtime's is the service between two regions, whoever made it.
class Member {
 public:
  // For that implicit task.
  void enter(const Carried& who, const ompt_data_t* task) {
    if (!based_) {
      if (const behalf::detail::Service* service = behalf::detail::service()) {
        behalf::detail::block_asynchronous_signals();
        base_.enter(service->token, true);
        based_ = true;
      }
    }
    worn_.emplace();
    wear(who, *worn_);
    task_ = task;
  }
  // Whether it is that task that the thread has entered for.
  [[nodiscard]] bool is_in(const ompt_data_t* task) const noexcept { return worn_ && task == task_; }
  void leave() noexcept {
    if (!worn_) return;
    if (worn_->entered()) worn_->leave();
    worn_.reset();
  }

 private:
  bool based_ = false;
  behalf::detail::Region base_;
  std::optional<behalf::detail::Region> worn_;
  const ompt_data_t* task_ = nullptr;
};

Member& this_member() {
  thread_local Member member;
  return member;
}

Work* work_of(ompt_data_t* data) {
  return data != nullptr ? static_cast<Work*>(data->ptr) : nullptr;
}

// Of the regions that this thread has begun, each within the one before.
constinit thread_local Work* innermost_begun = nullptr;

Work* captured() {
  try {
    return new Work{Carried(), {}, false, nullptr};
  } catch (const Error& error) {
    end_because(error);
  }
}

void parallel_begins(ompt_data_t*, const ompt_frame_t*, ompt_data_t* region, unsigned, int, const void*) {
  Work* const work = captured();
  work->outer = std::exchange(innermost_begun, work);
  region->ptr = work;
}
// Of which region, the thread that began it knows. What the runtime says belongs to a team that it may have given to
// somebody else's region by then (__kmp_join_call() in openmp/runtime/src/kmp_runtime.cpp).
void parallel_ends(ompt_data_t*, ompt_data_t*, int, const void*) {
  if (innermost_begun == nullptr) return;
  delete std::exchange(innermost_begun, innermost_begun->outer);
}

// The thread that began the region wears the identity already, and is number 0. The others of a league of teams begin
// an initial task each, as a thread of the program's own does, whose region is nobody's.
void implicit_task(ompt_scope_endpoint_t endpoint, ompt_data_t* region, ompt_data_t* task, unsigned, unsigned index,
                   int) {
  if (index == 0) return;
  if (endpoint == ompt_scope_begin) {
    if (const Work* work = work_of(region)) {
      this_member().enter(work->who, task);
      task->ptr = nullptr;
    }
  } else {
    this_member().leave();
  }
}

// The end of a thread's implicit task is told late, when the next region begins or the thread ends: it has done its
// part when it comes to the barrier at the end of the region; not to that of a region which it began within, and is
// number 0 of. Explicit tasks that it takes there wear their own.
void synchronized(ompt_sync_region_t kind, ompt_scope_endpoint_t endpoint, ompt_data_t*, ompt_data_t* task,
                  const void* called_from) {
  // Before OpenMP 5.1 the barrier had no kind of its own; it is then the one that no line of the program called for.
  constexpr auto any_implicit = static_cast<ompt_sync_region_t>(2);
  const bool at_the_end = kind == ompt_sync_region_barrier_implicit_parallel ||
                          kind == ompt_sync_region_barrier_teams || (kind == any_implicit && called_from == nullptr);
  if (endpoint == ompt_scope_begin && at_the_end && this_member().is_in(task)) this_member().leave();
}

void task_created(ompt_data_t*, const ompt_frame_t*, ompt_data_t* task, int flags, int, const void*) {
  if ((flags & ompt_task_explicit) != 0) task->ptr = captured();
}

// Tied tasks begin and end in order on a thread: one that begins within another wears its own inside of the other's.
void task_scheduled(ompt_data_t* before, ompt_task_status_t status, ompt_data_t* next) {
  const bool ended = status == ompt_task_complete || status == ompt_task_cancel || status == ompt_task_detach;
  if (ended) {
    if (Work* work = work_of(before)) {
      if (work->worn.entered()) work->worn.leave();
      delete work;
      before->ptr = nullptr;
    }
  }
  Work* work = work_of(next);
  if (work == nullptr || work->begun) return;
  work->begun = true;
  wear(work->who, work->worn);
}

int begin(ompt_function_lookup_t look_up, int, ompt_data_t*) {
  const auto set = reinterpret_cast<ompt_set_callback_t>(look_up("ompt_set_callback"));
  if (set == nullptr) return 0;
  const auto on = [set](ompt_callbacks_t event, auto* callback) {
    return set(event, reinterpret_cast<ompt_callback_t>(callback)) == ompt_set_always;
  };
  watching = on(ompt_callback_parallel_begin, parallel_begins) && on(ompt_callback_parallel_end, parallel_ends) &&
             on(ompt_callback_implicit_task, implicit_task) && on(ompt_callback_sync_region, synchronized) &&
             on(ompt_callback_task_create, task_created) && on(ompt_callback_task_schedule, task_scheduled);
  return 1;  // stay
}

void end(ompt_data_t*) {
  watching = false;
}

}  // namespace

bool is_watching() noexcept {
  return watching;
}

}  // namespace behalf::ompt

// What an OpenMP runtime that has tools asks for when it starts (OpenMP 5.0, section 4.2.1).
extern "C" ompt_start_tool_result_t* ompt_start_tool(unsigned, const char*) {
  static ompt_start_tool_result_t tool{behalf::ompt::begin, behalf::ompt::end, {}};
  return &tool;
}
