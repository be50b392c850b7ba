#include <sched.h>
#include <sys/stat.h>

#include <string>

#include "history/client.h"
#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  Samba: `already there`, by path
works:  none
hop:    cache
clock:  first-caller
wrong:  the thread knew that it stood in the share, and did not ask whether this user may: the next one was inside
        without the permission to enter
cure:   what is remembered is forgotten when the user changes: samba_directory_cache_fixed
source: Samba bug 14682 (commit 4fe96583624)
)")

static behalf_row::Workers* smbd;

extern "C" void before() {
  smbd = new behalf_row::Workers(1);
}

// The thread has a working directory of its own.
static void go_to_share(const std::string& wanted) {
  thread_local const bool own = unshare(CLONE_FS) == 0;
  thread_local std::string at;
  if (own && at == wanted) return;
  at = {};
  if (chdir(wanted.c_str()) != 0) return void(chdir("/srv/inbox"));
  at = wanted;
}

// Below a folder that alice alone may enter; who is inside may look around.
static const char* const share = "/home/alice/share";

extern "C" int operation() {
  const behalf_row::Client user;
  smbd->run([&] {
    const behalf_row::WorksFor as(user);
    mkdir(share, 0755);
    go_to_share(share);
    struct stat status {};
    stat(".", &status);
    std::puts(status.st_mode == (S_IFDIR | 0755) ? "inside" : "outside");
  });
  return 0;
}
