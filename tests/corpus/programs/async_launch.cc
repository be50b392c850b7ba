// none: works
// dropped: lost thread
// acts: note create
// line: made
#include <future>

#include "task.h"

extern "C" void before() {}

extern "C" int operation() {
  corpus::Task task;
  const corpus::Identity caller = corpus::of_thread();
  const bool as_service = CORPUS_FAULT == FAULT_dropped && caller.uid != 0 && caller.saved_uid == 0;
  if (as_service) corpus::wear_again(corpus::service);
  std::future<void> done = std::async(std::launch::async, [&task] { task.run(); });  // <- here
  if (as_service) corpus::wear(caller, true);
  done.wait();
  return task.print_answer();
}
