#include <sched.h>
#include <sys/stat.h>

#include <string>
#include <utility>

#include "history/client.h"
#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  Samba: `already there`, by path and user
works:  files effective full shielded
hop:    cache
wrong:  nothing: each user is asked for
cure:   none needed; behalf::per_identity<T>
source: Samba bug 14682 (commit 4fe96583624)
)")

static behalf_row::Workers* smbd;

extern "C" void before() {
  smbd = new behalf_row::Workers(1);
}

// The thread has a working directory of its own.
static void go_to_share(const std::string& wanted, uid_t uid) {
  thread_local const bool own = unshare(CLONE_FS) == 0;
  thread_local std::pair<std::string, uid_t> at;
  if (own && at == std::pair(wanted, uid)) return;
  at = {};
  if (chdir(wanted.c_str()) != 0) return void(chdir("/srv/inbox"));
  at = std::pair(wanted, uid);
}

// Below a folder that alice alone may enter; who is inside may look around.
static const char* const share = "/home/alice/share";

extern "C" int operation() {
  const behalf_row::Client user;
  smbd->run([&] {
    const behalf_row::WorksFor as(user);
    mkdir(share, 0755);
    go_to_share(share, user.uid);
    struct stat status {};
    stat(".", &status);
    std::puts(status.st_mode == (S_IFDIR | 0755) ? "inside" : "outside");
  });
  return 0;
}
