#include "row.h"

BEHALF_ROW(R"(
title:  audit: access(2) before the open
works:  full
hop:    real-id
clock:  real-id
wrong:  access(2) asks with the real uid, which of a service that changed its effective one is root's: everything may be
        read
cure:   faccessat(2) with AT_EACCESS: audit_access_fixed
source: github.com/linux-audit/audit-userspace issue 312
)")

extern "C" int operation() {
  for (const char* note : {"/home/alice/note.txt", "/home/bob/note.txt", "/srv/root-only.txt"})
    std::printf("%s: %s\n", note, access(note, R_OK) == 0 ? "may be read" : "may not be read");
  return 0;
}
