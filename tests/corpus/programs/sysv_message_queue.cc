// none: works
// dropped: lost queue
// stale: leaked queue
// acts: note create
#include <sys/ipc.h>
#include <sys/msg.h>

#include <thread>

#include "task.h"

namespace {

struct Message {
  long type;
  corpus::Task* task;
};
int queue;

}  // namespace

extern "C" void before() {
  queue = msgget(IPC_PRIVATE, 0666);
  corpus::must(queue);
  std::thread([] {
    for (;;) {
      Message message{};
      if (msgrcv(queue, &message, sizeof message.task, 0, 0) == sizeof message.task) message.task->run();
    }
  }).detach();
}

extern "C" int operation() {
  corpus::Task task;
  const Message message = {1, &task};
  corpus::must(msgsnd(queue, &message, sizeof message.task, 0));  // <- here
  return task.print_answer();
}
