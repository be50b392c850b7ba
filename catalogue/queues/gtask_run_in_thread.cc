#include <gio/gio.h>

#include "row.h"
#include "threads/caller.h"

BEHALF_ROW(R"(
title:  g_task_run_in_thread
works:  none
hop:    queue
clock:  first-caller
wrong:  the tasks, and so the asynchronous functions of GIO, run in threads that are copies of the first caller and are
        kept; the caller itself never takes part
cure:   start the task as the service and wear the caller in its function; or behalf::ThreadPool
needs:  gio-2.0
source: clone(2), credentials(7): a thread starts with a copy of its maker's credentials
)")

static void run(GTask* task, gpointer, gpointer caller, GCancellable*) {
  if (caller == nullptr) {
    behalf_row::print_whose_notes_open();
  } else {
    static_cast<const behalf_row::Caller*>(caller)->runs(behalf_row::print_whose_notes_open);
  }
  g_task_return_boolean(task, TRUE);
}

static void run_in_thread(const behalf_row::Caller* caller) {
  GTask* const task = g_task_new(nullptr, nullptr, nullptr, nullptr);
  g_task_set_task_data(task, const_cast<behalf_row::Caller*>(caller), nullptr);
  g_task_run_in_thread_sync(task, run);
  g_object_unref(task);
}

extern "C" int operation() {
  run_in_thread(nullptr);
  return 0;
}

extern "C" int cured() {
  const behalf_row::Caller caller;
  caller.lets_service_run([&] { run_in_thread(&caller); });
  return 0;
}
