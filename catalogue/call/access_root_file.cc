#include "row.h"

BEHALF_ROW(R"(
title:  access(2), "may I read this?"
works:  full
hop:    real-id
clock:  real-id
wrong:  access judges the real ids with the permitted capabilities: it grants what the service may read, and open(2)
        then refuses it; a shielded thread is judged as the spare account and is denied its own file
cure:   faccessat(2) with AT_EACCESS, or open the file and take what the kernel says
source: access(2)
)")

static const char* const files[] = {"/srv/root-only.txt", "/home/alice/note.txt", "/home/bob/note.txt"};

extern "C" int operation() {
  for (const char* file : files) std::printf("%s: %s\n", file, access(file, R_OK) == 0 ? "granted" : "denied");
  return 0;
}

extern "C" int cured() {
  for (const char* file : files) {
    std::printf("%s: %s\n", file, faccessat(AT_FDCWD, file, R_OK, AT_EACCESS) == 0 ? "granted" : "denied");
  }
  return 0;
}
