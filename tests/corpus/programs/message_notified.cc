// none: works
// dropped: lingering callback
// stale: leaked callback
// acts: note
// line: none
// mq_notify(3) with SIGEV_THREAD: glibc's helper is a copy of who asked first.
#include <mqueue.h>
#include <signal.h>

#include <mutex>

#include "task.h"

static mqd_t queue;
static std::mutex one_at_a_time;

static void receive(sigval) {
  corpus::Task* task = nullptr;
  if (mq_receive(queue, reinterpret_cast<char*>(&task), sizeof task, nullptr) == sizeof task && task != nullptr)
    task->run();
}

static void ask() {
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD;
  event.sigev_notify_function = receive;
  corpus::must(mq_notify(queue, &event));
}

extern "C" void before() {
  mq_attr attributes{};
  attributes.mq_maxmsg = 8;
  attributes.mq_msgsize = sizeof(corpus::Task*);
  queue = mq_open("/corpus", O_CREAT | O_RDWR | O_CLOEXEC, 0600, &attributes);
  mq_unlink("/corpus");
#if CORPUS_FAULT != FAULT_dropped
  ask();  // the helper is made as the service, before anybody is worn
  corpus::must(mq_notify(queue, nullptr));
#endif
}

extern "C" int operation() {
  const std::lock_guard lock(one_at_a_time);
  corpus::Task task;
  corpus::Task* const address = &task;
  ask();
  corpus::must(mq_send(queue, reinterpret_cast<const char*>(&address), sizeof address, 0));
  return task.print_answer();
}
