// none: works
// dropped: lost message
// acts: note folder
#include <mutex>

#include "task.h"

static int asked[2], answered[2];
static std::mutex one_at_a_time;

extern "C" void before() {
  corpus::must(pipe2(asked, O_CLOEXEC));
  corpus::must(pipe2(answered, O_CLOEXEC));
  if (fork() != 0) return;
  corpus::Identity caller;
  while (read(asked[0], &caller, sizeof caller) == static_cast<ssize_t>(sizeof caller)) {
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
