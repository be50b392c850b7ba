// none: works
// dropped: broadcast broadcast
// acts: create
// line: none
// setegid of glibc, which goes to all threads as seteuid does.
#include "task.h"

extern "C" void before() {}

extern "C" int operation() {
  std::fputs(corpus::act().c_str(), stdout);
  const gid_t own = getegid();
  return CORPUS_FAULT == FAULT_dropped ? setegid(own) : static_cast<int>(syscall(SYS_setresgid, -1, own, -1));
}
