// none: works
// dropped: lost message
// acts: note create
// A ring in shared memory, and an eventfd that says when to look into it.
#include <sys/eventfd.h>
#include <sys/mman.h>

#include <cstring>
#include <mutex>

#include "task.h"

namespace {

struct Shared {
  corpus::Identity callers[4];
  unsigned head, tail;
  char answer[512];
};
Shared* shared;
int asked, answered;
std::mutex one_at_a_time;

}  // namespace

extern "C" void before() {
  shared =
      static_cast<Shared*>(mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  if (shared == MAP_FAILED) std::abort();
  asked = eventfd(0, EFD_CLOEXEC);
  answered = eventfd(0, EFD_CLOEXEC);
  if (fork() != 0) return;
  for (std::uint64_t count = 0; read(asked, &count, sizeof count) == sizeof count;) {
    const corpus::Identity& caller = shared->callers[shared->head++ % 4];
    const corpus::Identity self = corpus::of_thread();
    const bool wears = CORPUS_FAULT == FAULT_none && self.uid == 0 && caller.uid != 0;
    if (wears) corpus::wear(caller, true);
    const std::string answer = corpus::act();
    if (wears) corpus::wear_again(self);
    std::strncpy(shared->answer, answer.c_str(), sizeof shared->answer - 1);
    count = 1;
    corpus::must(write(answered, &count, sizeof count));
  }
  _exit(0);
}

extern "C" int operation() {
  const std::lock_guard lock(one_at_a_time);
  corpus::Identity caller = corpus::of_thread();
  caller.saved_uid = 0;
  caller.saved_gid = 0;
  shared->callers[shared->tail++ % 4] = caller;
  std::uint64_t count = 1;
  corpus::must(write(asked, &count, sizeof count));  // <- here
  corpus::must(read(answered, &count, sizeof count));
  std::fputs(shared->answer, stdout);
  return 0;
}
