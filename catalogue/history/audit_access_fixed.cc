#include "row.h"

BEHALF_ROW(R"(
title:  audit: faccessat(2) with AT_EACCESS
works:  files effective full shielded
hop:    call
wrong:  nothing: it asks as an open(2) would be asked
cure:   none needed
source: github.com/linux-audit/audit-userspace issue 312
)")

extern "C" int operation() {
  for (const char* note : {"/home/alice/note.txt", "/home/bob/note.txt", "/srv/root-only.txt"})
    std::printf("%s: %s\n", note, faccessat(AT_FDCWD, note, R_OK, AT_EACCESS) == 0 ? "may be read" : "may not be read");
  return 0;
}
