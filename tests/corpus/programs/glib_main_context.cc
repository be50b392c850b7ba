// none: works
// dropped: lost queue
// stale: leaked queue
// acts: note create
// needs: glib-2.0
#include <glib.h>

#include <thread>

#include "task.h"

static GMainContext* context;

extern "C" void before() {
  context = g_main_context_new();
  std::thread([] { g_main_loop_run(g_main_loop_new(context, FALSE)); }).detach();
}

static gboolean run(gpointer task) {
  static_cast<corpus::Task*>(task)->run();
  return G_SOURCE_REMOVE;
}

extern "C" int operation() {
  corpus::Task task;
  g_main_context_invoke(context, run, &task);  // <- here
  return task.print_answer();
}
