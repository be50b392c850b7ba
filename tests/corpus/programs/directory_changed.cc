// none: works
// dropped: altered process-state
// acts: note
// line: none
#include "task.h"

extern "C" void before() {}

extern "C" int operation() {
  std::string text(64, '\0');
  const std::string home = geteuid() == 3001 ? "/home/alice" : geteuid() == 3002 ? "/home/bob" : "/root";
#if CORPUS_FAULT == FAULT_none
  const int place = open(home.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  const int fd = openat(place, "note.txt", O_RDONLY | O_CLOEXEC);
  close(place);
#else
  corpus::must(chdir(home.c_str()));
  const int fd = open("note.txt", O_RDONLY | O_CLOEXEC);
#endif
  const ssize_t size = read(fd, text.data(), text.size());
  close(fd);
  if (size > 0) std::fwrite(text.data(), 1, static_cast<std::size_t>(size), stdout);
  return 0;
}
