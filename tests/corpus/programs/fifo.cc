// none: works
// dropped: lost queue
// stale: leaked queue
// acts: note create
// A pipe with a name.
#include <sys/stat.h>

#include <thread>

#include "task.h"

static int fifo_;

extern "C" void before() {
  std::string path = "/tmp/corpus." + std::to_string(getpid());
  corpus::must(mkfifo(path.c_str(), 0600));
  fifo_ = open(path.c_str(), O_RDWR | O_CLOEXEC);
  corpus::must(fifo_);
  unlink(path.c_str());
  std::thread([] {
    corpus::Task* task = nullptr;
    while (read(fifo_, &task, sizeof task) == sizeof task) task->run();
  }).detach();
}

extern "C" int operation() {
  corpus::Task task;
  corpus::Task* const address = &task;
  corpus::must(write(fifo_, &address, sizeof address));  // <- here
  return task.print_answer();
}
