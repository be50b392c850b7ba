// none: works
// dropped: lost queue
// stale: leaked queue
// acts: note create
// std::launch::deferred: it runs where it is asked for, and a worker asks.
#include <future>
#include <memory>

#include "queue.h"
#include "task.h"

static corpus::Queue<std::shared_future<void>> queue;

extern "C" void before() {
  corpus::serve(queue, [](const std::shared_future<void>& wanted) { wanted.get(); });
}

extern "C" int operation() {
  corpus::Task task;
  queue.push(std::async(std::launch::deferred, [&task] { task.run(); }).share());  // <- here
  return task.print_answer();
}
