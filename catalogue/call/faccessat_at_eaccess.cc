#include "row.h"

BEHALF_ROW(R"(
title:  faccessat(2) with AT_EACCESS
works:  files effective full shielded
hop:    call
wrong:  nothing: faccessat2 asks the question of the same ids as open(2)
cure:   none needed; on a kernel older than 5.8 glibc emulates the flag, and less well
source: access(2) "C library/kernel differences"
)")

extern "C" int operation() {
  for (const char* file : {"/srv/root-only.txt", "/home/alice/note.txt", "/home/bob/note.txt"}) {
    std::printf("%s: %s\n", file, faccessat(AT_FDCWD, file, R_OK, AT_EACCESS) == 0 ? "granted" : "denied");
  }
  return 0;
}
