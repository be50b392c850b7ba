// What the trap programs share: marks for the test that watches them, and who they find themselves to be.
#pragma once

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace trap {

inline constexpr unsigned long mark_option = 0x42484c46;

inline void mark(unsigned long kind, unsigned long a = 0) {
  prctl(static_cast<int>(mark_option), kind, a, 0, 0);
}

// An effect with a name that the test looks for: nothing lies there.
inline void act(const char* path) {
  if (access(path, F_OK) == 0) std::abort();
}
// The same, judged by the file-system ids.
inline int look(const char* path) {
  return open(path, O_RDONLY | O_CLOEXEC) < 0 ? errno : 0;
}

// Writes at once: a trap may end without leaving time for a buffer.
template <typename... Values>
void say(const char* format, Values... values) {
  char text[1024];
  const int size = std::snprintf(text, sizeof text, format, values...);
  if (write(1, text, static_cast<std::size_t>(size)) != size) std::abort();
}
inline void say(const char* text) {
  say("%s", text);
}

inline void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "trap: %s: %s\n", what, std::strerror(errno));
  _exit(99);
}

// Who the calling thread finds itself to be, in one line.
inline std::string who_am_i() {
  unsigned r = 0, e = 0, s = 0, gr = 0, ge = 0, gs = 0;
  syscall(SYS_getresuid, &r, &e, &s);
  syscall(SYS_getresgid, &gr, &ge, &gs);
  const auto fs = static_cast<unsigned>(syscall(SYS_setfsuid, -1)),
             gfs = static_cast<unsigned>(syscall(SYS_setfsgid, -1));
  gid_t groups[256];
  const int count = getgroups(256, groups);
  std::sort(groups, groups + (count > 0 ? count : 0));
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  syscall(SYS_capget, &header, data);
  char text[512];
  std::snprintf(text, sizeof text, "uid %u %u %u %u gid %u %u %u %u eff %08x%08x prm %08x%08x groups", r, e, s, fs, gr,
                ge, gs, gfs, data[1].effective, data[0].effective, data[1].permitted, data[0].permitted);
  std::string line = text;
  for (int i = 0; i < count; ++i) line += " " + std::to_string(groups[i]);
  return line;
}

}  // namespace trap
