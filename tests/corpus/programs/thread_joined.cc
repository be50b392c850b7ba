// none: works
// dropped: lost thread
// acts: note create folder
// line: made
// A thread is a copy of its maker: right when the caller makes it, wrong when a thread of the service's does.
#include <thread>

#include "task.h"

extern "C" void before() {}

extern "C" int operation() {
  corpus::Task task;
  const corpus::Identity caller = corpus::of_thread();
  const bool as_service = CORPUS_FAULT == FAULT_dropped && caller.uid != 0 && caller.saved_uid == 0;
  if (as_service) corpus::wear_again(corpus::service);
  std::thread worker([&task] { task.run(); });  // <- here
  if (as_service) corpus::wear(caller, true);
  worker.join();
  return task.print_answer();
}
