#include <sys/auxv.h>

#include <cstdlib>

#include "row.h"

BEHALF_ROW(R"(
title:  open(2) /proc/self/environ
works:  none
hop:    process-state
clock:  process
wrong:  the first switch of ids makes the process non-dumpable: root owns its /proc files from then on, and the user's
        thread is refused what every process may read of itself
cure:   getenv(3) and getauxval(3), which have what the process was started with; PR_SET_DUMPABLE is no cure, it opens
        the service to the user
source: prctl(2) PR_SET_DUMPABLE; proc(5)
)")

// What the program was started with, by the kernel's account or by the C library's.
static int tell(bool has_path, unsigned long page_size) {
  std::printf("PATH is %s, a page has %lu bytes\n", has_path ? "set" : "not set", page_size);
  return 0;
}

extern "C" int operation() {
  std::string environment(1 << 16, '\0');
  unsigned long entry[2] = {};
  unsigned long page_size = 0;
  const int variables = open("/proc/self/environ", O_RDONLY | O_CLOEXEC);
  const ssize_t size = read(variables, environment.data(), environment.size());
  environment.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  const int vector = open("/proc/self/auxv", O_RDONLY | O_CLOEXEC);
  while (read(vector, entry, sizeof entry) == sizeof entry)
    if (entry[0] == AT_PAGESZ) page_size = entry[1];
  close(variables);
  close(vector);
  return tell(environment.starts_with("PATH=") || environment.find(std::string("\0PATH=", 6)) != std::string::npos,
              page_size);
}

extern "C" int cured() {
  return tell(std::getenv("PATH") != nullptr, getauxval(AT_PAGESZ));
}
