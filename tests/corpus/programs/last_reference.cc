// none: works
// dropped: lost queue
// acts: note create
// What a destructor does is work too: the worker drops the last reference.
#include <memory>

#include "queue.h"
#include "task.h"

namespace {

struct Guard {
  explicit Guard(corpus::Task& its) : task(its) {}
  ~Guard() { task.run(); }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;
  corpus::Task& task;
};
corpus::Queue<std::shared_ptr<Guard>> queue;

}  // namespace

extern "C" void before() {
  corpus::serve(queue, [](std::shared_ptr<Guard> guard) { guard.reset(); });
}

extern "C" int operation() {
  corpus::Task task;
  queue.push(std::make_shared<Guard>(task));  // <- here
  return task.print_answer();
}
