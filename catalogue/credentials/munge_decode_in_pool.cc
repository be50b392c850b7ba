#include <behalf/thread_pool.h>

#include "credentials/munge_credential.h"
#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:    a MUNGE credential for the user alone, opened by a pool's thread
works:    none
hop:      queue
clock:    creator
wrong:    munged opens it for whom it is restricted to, and asks who connects: the pool's thread, which is the service,
          is refused
cure:     behalf::ThreadPool, or behalf::bind for a pool of one's own: the thread wears the caller while it works for her
needs:    munge
services: munge
source:   munge_ctx(3) MUNGE_OPT_UID_RESTRICTION
)")

static std::string sealed_for_caller_alone() {
  const munge_ctx_t context = munge_ctx_create();
  munge_ctx_set(context, MUNGE_OPT_UID_RESTRICTION, geteuid());
  const std::string credential = behalf_row::sealed(context);
  munge_ctx_destroy(context);
  return credential;
}

static behalf_row::Workers* pool;

extern "C" void before() {
  pool = new behalf_row::Workers(1);
}

extern "C" int operation() {
  const std::string credential = sealed_for_caller_alone();
  int result = 0;
  pool->run([&] { result = behalf_row::print_whose(credential); });
  return result;
}

static behalf::ThreadPool* cured_pool;

extern "C" void before_cured() {
  cured_pool = new behalf::ThreadPool({.threads = 1});
}

extern "C" int cured() {
  const std::string credential = sealed_for_caller_alone();
  return cured_pool->submit([&] { return behalf_row::print_whose(credential); }).get();
}
