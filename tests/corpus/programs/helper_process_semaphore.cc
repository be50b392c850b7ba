// none: works
// dropped: lost message
// acts: note create
// Memory shared with a process that was there before, and a semaphore in it: no byte goes through the kernel.
#include <semaphore.h>
#include <sys/mman.h>

#include <cstring>
#include <mutex>

#include "task.h"

namespace {

struct Shared {
  sem_t asked, answered;
  corpus::Identity caller;
  char answer[512];
};
Shared* shared;
std::mutex one_at_a_time;

}  // namespace

extern "C" void before() {
  shared =
      static_cast<Shared*>(mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  if (shared == MAP_FAILED) std::abort();
  sem_init(&shared->asked, 1, 0);
  sem_init(&shared->answered, 1, 0);
  if (fork() != 0) return;
  for (;;) {
    while (sem_wait(&shared->asked) != 0) {
    }
    const corpus::Identity self = corpus::of_thread();
    const bool wears = CORPUS_FAULT == FAULT_none && self.uid == 0 && shared->caller.uid != 0;
    if (wears) corpus::wear(shared->caller, true);
    const std::string answer = corpus::act();
    if (wears) corpus::wear_again(self);
    std::strncpy(shared->answer, answer.c_str(), sizeof shared->answer - 1);
    sem_post(&shared->answered);
  }
}

extern "C" int operation() {
  const std::lock_guard lock(one_at_a_time);
  shared->caller = corpus::of_thread();
  shared->caller.saved_uid = 0;
  shared->caller.saved_gid = 0;
  sem_post(&shared->asked);  // <- here
  while (sem_wait(&shared->answered) != 0) {
  }
  std::fputs(shared->answer, stdout);
  return 0;
}
