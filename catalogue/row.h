// A row of the catalogue: one operation, as data and a few lines of code.
//
// A row is one file, catalogue/FAMILY/NAME.cc, and nothing else: the build makes a shared object of each, and the tool
// reads the row's data out of it without loading it.
//
//     #include "row.h"
//
//     BEHALF_ROW(R"(
//     title: std::thread, joined within the call
//     works: files effective full shielded
//     hop:   thread
//     wrong: nothing: a new thread is a copy of its creator, identity included
//     cure:  none needed; behalf::thread says so in its type
//     )")
//
//     extern "C" int operation() {
//       std::thread([] { behalf_row::print_whose_notes_open(); }).join();
//       return 0;
//     }
//
// The data, one `key: value` a line (a line that starts with white space continues the value above it):
//   title   what the operation is, in the words of its users
//   works   the postures in which it is expected to work: any of files, effective, full, shielded, or `none`
//   hop     the hand-off at which identity goes astray (vocabulary of the project)
//   clock   when the operation reads the identity; left out where nothing goes astray
//   wrong   what goes wrong, in a sentence a stranger understands
//   cure    what to write instead
//   needs   pkg-config modules to link, `openmp`, or adapters of the library (`behalf::uring`); a row whose modules are
//           missing is left out, and the build says so. The library itself is there without: the service has it
//   services  daemons that the stage is to have for it: any of dbus, munge, postgresql (tool/stage/daemons.cc); where
//           one is not installed, the row is unclear
//   source  the man page or issue it rests on
//   needs-root  why it cannot be judged on a stage in a user namespace: without root it is not run, and unclear. What
//           the kernel grants to the machine's root alone, the tool knows by itself (tool/judge/needs_root.cc)
//
// The code: `int operation()`, and where they exist `int cured()` (the cure, run in the postures the library offers),
// `void before()` and `void before_cured()` (run once, after loading, as the service: what a server does at start-up).
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

// The data stand in a section of their own, where `behalf survey` finds them without running the row's code.
#define BEHALF_ROW(data) \
  __attribute__((section(".behalf.row"), used, visibility("default"))) extern const char behalf_row_data[] = data;

extern "C" {
int operation();
int cured();
void before();
void before_cured();
}

namespace behalf_row {

// Prints the owners of the notes that can be read now, one a line. Who works as alice reads alice's and no other; who
// has fallen back to root reads all three.
inline void print_whose_notes_open() {
  for (const char* note : {"/home/alice/note.txt", "/home/bob/note.txt", "/root/note.txt"}) {
    const int fd = open(note, O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    char text[64] = {};
    const ssize_t size = read(fd, text, sizeof text - 1);
    if (size > 0) std::printf("reads the note of %s", text);
    close(fd);
  }
}

// Creates a file of that name in /srv/inbox, prints its owner and group, and removes it. Returns 0, or errno.
inline int print_owner_of_new_file(const char* name) {
  const std::string path = std::string("/srv/inbox/") + name;
  const int fd = open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) {
    std::printf("cannot create %s: %s\n", name, std::strerror(errno));
    return errno;
  }
  struct stat status {};
  fstat(fd, &status);
  close(fd);
  unlink(path.c_str());
  std::printf("%s belongs to %u:%u\n", name, status.st_uid, status.st_gid);
  return 0;
}

}  // namespace behalf_row
