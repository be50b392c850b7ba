// none: works
// dropped: lost queue
// acts: note create
// needs: glib-2.0
#include <glib.h>

#include <thread>

#include "task.h"

static GAsyncQueue* queue;

extern "C" void before() {
  queue = g_async_queue_new();
  std::thread([] {
    for (;;) static_cast<corpus::Task*>(g_async_queue_pop(queue))->run();
  }).detach();
}

extern "C" int operation() {
  corpus::Task task;
  g_async_queue_push(queue, &task);  // <- here
  return task.print_answer();
}
