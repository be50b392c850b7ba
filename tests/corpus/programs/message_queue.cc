// none: works
// dropped: lost queue
// stale: leaked queue
// acts: note create
// line: here
#include <mqueue.h>

#include <thread>

#include "task.h"

static mqd_t queue;

static void serve() {
  for (;;) {
    corpus::Task* task = nullptr;
    if (mq_receive(queue, reinterpret_cast<char*>(&task), sizeof task, nullptr) == sizeof task) task->run();
  }
}

extern "C" void before() {
  mq_attr attributes{};
  attributes.mq_maxmsg = 8;
  attributes.mq_msgsize = sizeof(corpus::Task*);
  queue = mq_open("/corpus", O_CREAT | O_RDWR | O_CLOEXEC, 0600, &attributes);
  mq_unlink("/corpus");
  std::thread(serve).detach();
}

extern "C" int operation() {
  corpus::Task task;
  corpus::Task* const address = &task;
  corpus::must(mq_send(queue, reinterpret_cast<const char*>(&address), sizeof address, 0));  // <- here
  return task.print_answer();
}
