// none: works
// dropped: lost message
// acts: note
// Two processes behind each other: identity was last right in front of the first.
#include <mutex>

#include "task.h"

static int asked[2], relayed[2], answered[2];
static std::mutex one_at_a_time;

extern "C" void before() {
  for (int* ends : {asked, relayed, answered}) corpus::must(pipe2(ends, O_CLOEXEC));
  corpus::Identity caller;
  if (fork() == 0) {
    while (read(asked[0], &caller, sizeof caller) == static_cast<ssize_t>(sizeof caller))
      corpus::must(write(relayed[1], &caller, sizeof caller));
    _exit(0);
  }
  if (fork() != 0) return;
  while (read(relayed[0], &caller, sizeof caller) == static_cast<ssize_t>(sizeof caller)) {
    const corpus::Identity self = corpus::of_thread();
    const bool wears = CORPUS_FAULT == FAULT_none && self.uid == 0 && caller.uid != 0;
    if (wears) corpus::wear(caller, true);
    const std::string answer = corpus::act();
    if (wears) corpus::wear_again(self);
    corpus::must(write(answered[1], answer.c_str(), answer.size() + 1));
  }
  _exit(0);
}

extern "C" int operation() {
  const std::lock_guard lock(one_at_a_time);
  corpus::Identity caller = corpus::of_thread();
  caller.saved_uid = 0;
  caller.saved_gid = 0;
  corpus::must(write(asked[1], &caller, sizeof caller));  // <- here
  char answer[512];
  corpus::must(read(answered[0], answer, sizeof answer));
  std::fputs(answer, stdout);
  return 0;
}
