#include "row.h"

BEHALF_ROW(R"(
title:  eaccess(3), "may I read this?"
works:  effective full shielded
hop:    real-id
clock:  real-id
wrong:  glibc takes a short cut to access(2) where the real and effective ids are equal, as they are when only the file
        system ids were changed: it grants what the service may read
cure:   faccessat(2) with AT_EACCESS, which the kernel judges by the file system ids
source: measured by this row
)")

static const char* const files[] = {"/srv/root-only.txt", "/home/alice/note.txt", "/home/bob/note.txt"};

extern "C" int operation() {
  for (const char* file : files) std::printf("%s: %s\n", file, eaccess(file, R_OK) == 0 ? "granted" : "denied");
  return 0;
}

extern "C" int cured() {
  for (const char* file : files) {
    std::printf("%s: %s\n", file, faccessat(AT_FDCWD, file, R_OK, AT_EACCESS) == 0 ? "granted" : "denied");
  }
  return 0;
}
