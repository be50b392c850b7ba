#include <behalf/per_identity.h>

#include <mutex>

#include "row.h"

BEHALF_ROW(R"(
title:  std::call_once, a file made once
works:  none
hop:    descriptor
clock:  open
wrong:  the file belongs to the first caller, and is kept for everybody: all users, and the service, write into what is
        the first one's
cure:   make it at start-up, or behalf::per_identity<T>
source: clone(2), credentials(7): a thread starts with a copy of its maker's credentials
)")

static int open_journal() {
  return open("/srv/inbox", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
}

static int write_into(int journal) {
  struct stat status {};
  if (fstat(journal, &status) != 0) return errno;
  std::printf("the journal belongs to %u:%u\n", status.st_uid, status.st_gid);
  return write(journal, "entry\n", 6) == 6 ? 0 : errno;
}

extern "C" int operation() {
  static std::once_flag opened;
  static int journal = -1;
  std::call_once(opened, [] { journal = open_journal(); });
  return write_into(journal);
}

extern "C" int cured() {
  static behalf::per_identity<int> journals(open_journal);
  return write_into(*journals.get());
}
