// none: works
// dropped: lingering queue
// acts: note create folder
// line: made
// The first caller's call makes the worker, which is a copy of its maker for ever.
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "task.h"

static std::mutex mutex;
static std::condition_variable there_is_work;
static std::deque<corpus::Task*> queue;

static void serve() {
  for (;;) {
    std::unique_lock lock(mutex);
    there_is_work.wait(lock, [] { return !queue.empty(); });
    corpus::Task* const task = queue.front();
    queue.pop_front();
    lock.unlock();
    task->run();
  }
}

static void make_worker() {
  const corpus::Identity caller = corpus::of_thread();
  // The good twin makes it as the service, and is the caller again.
  const bool as_service = CORPUS_FAULT == FAULT_none && caller.uid != 0 && caller.saved_uid == 0;
  if (as_service) corpus::wear_again(corpus::service);
  std::thread(serve).detach();  // <- here
  if (as_service) corpus::wear(caller, true);
}

extern "C" void before() {}

extern "C" int operation() {
  static std::once_flag once;
  std::call_once(once, make_worker);
  corpus::Task task;
  {
    const std::lock_guard lock(mutex);
    queue.push_back(&task);
  }
  there_is_work.notify_one();
  return task.print_answer();
}
