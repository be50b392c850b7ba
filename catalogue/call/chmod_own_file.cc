#include "row.h"

BEHALF_ROW(R"(
title:  chmod(2) a file of one's own
works:  files effective full shielded
hop:    call
wrong:  nothing: the owner is compared with the file system uid, and CAP_FOWNER leaves with it
cure:   none needed
source: capabilities(7) "Effect of user ID changes on capabilities"
)")

extern "C" int operation() {
  for (const char* note : {"/home/alice/note.txt", "/home/bob/note.txt", "/root/note.txt"}) {
    std::printf("%s: %s\n", note, chmod(note, 0600) == 0 ? "changed" : std::strerror(errno));
  }
  return 0;
}
