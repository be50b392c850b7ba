#include <glib.h>

#include "queues/parts.h"
#include "row.h"
#include "threads/caller.h"

BEHALF_ROW(R"(
title:  g_thread_pool_push (shared pool)
works:  none
hop:    queue
clock:  first-caller
wrong:  all shared pools take their threads from one store, which starts them as copies of its first user
cure:   push as the service and wear the caller in the pool's function; or behalf::ThreadPool
needs:  glib-2.0
source: clone(2), credentials(7): a thread starts with a copy of its maker's credentials
)")

namespace {

struct Job {
  behalf_row::Parts* parts;
  std::size_t part;
  const behalf_row::Caller* caller;  // null: run as the thread is
};

void run(gpointer data, gpointer) {
  const Job& job = *static_cast<const Job*>(data);
  if (job.caller == nullptr) {
    job.parts->run(job.part);
  } else {
    job.caller->runs([&] { job.parts->run(job.part); });
  }
}

void push(Job& job) {
  static GThreadPool* const pool = g_thread_pool_new(run, nullptr, 4, FALSE, nullptr);
  g_thread_pool_push(pool, &job, nullptr);
}

}  // namespace

extern "C" int operation() {
  behalf_row::Parts parts(2);
  Job jobs[] = {{&parts, 0, nullptr}, {&parts, 1, nullptr}};
  for (Job& job : jobs) push(job);
  parts.print();
  return 0;
}

extern "C" int cured() {
  const behalf_row::Caller caller;
  behalf_row::Parts parts(2);
  Job jobs[] = {{&parts, 0, &caller}, {&parts, 1, &caller}};
  caller.lets_service_run([&] {
    for (Job& job : jobs) push(job);
  });
  parts.print();
  return 0;
}
