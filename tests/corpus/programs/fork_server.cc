// none: works
// dropped: lost message
// acts: note create
// A process that was there before makes a child for each request.
#include <sys/socket.h>
#include <sys/wait.h>

#include <mutex>

#include "task.h"

static int ends[2];
static std::mutex one_at_a_time;

extern "C" void before() {
  corpus::must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
  if (fork() != 0) return;
  for (;;) {
    corpus::Identity caller;
    if (recv(ends[0], &caller, sizeof caller, 0) != static_cast<ssize_t>(sizeof caller)) _exit(0);
    const pid_t child = fork();
    if (child == 0) {
      if (CORPUS_FAULT == FAULT_none && geteuid() == 0 && caller.uid != 0) corpus::wear(caller, true);
      const std::string answer = corpus::act();
      send(ends[0], answer.c_str(), answer.size(), 0);
      _exit(0);
    }
    waitpid(child, nullptr, 0);
  }
}

extern "C" int operation() {
  const std::lock_guard lock(one_at_a_time);
  corpus::Identity caller = corpus::of_thread();
  caller.saved_uid = 0;
  caller.saved_gid = 0;
  corpus::must(send(ends[1], &caller, sizeof caller, 0));  // <- here
  char answer[512];
  const ssize_t size = recv(ends[1], answer, sizeof answer, 0);
  corpus::must(size);
  std::fwrite(answer, 1, static_cast<std::size_t>(size), stdout);
  return 0;
}
