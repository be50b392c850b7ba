// none: works
// dropped: lost queue
// kept: lingering queue
// acts: create
// Nobody waits for it: the call is long over when the work is done.
#include <chrono>
#include <memory>

#include "queue.h"
#include "task.h"

static corpus::Queue<std::shared_ptr<corpus::Task>> queue;

extern "C" void before() {
  corpus::serve(queue, [](const std::shared_ptr<corpus::Task>& task) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    task->run();
  });
}

extern "C" int operation() {
  queue.push(std::make_shared<corpus::Task>());  // <- here
  return 0;
}
