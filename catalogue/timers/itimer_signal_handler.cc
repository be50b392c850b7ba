#include <behalf/timer.h>
#include <semaphore.h>
#include <sys/time.h>

#include <csignal>
#include <future>
#include <mutex>

#include "row.h"

BEHALF_ROW(R"(
title:  setitimer(2), the work done in the handler of SIGALRM
works:  none
hop:    callback
clock:  later
wrong:  the signal is the process's: any thread that does not block it runs the handler, the main thread first, and is the
        service; on a thread that works for a user the handler of anybody's alarm would run as her
cure:   behalf::Timer, or behalf::SignalHandlers for signals that come from elsewhere; on behalf's own threads such signals
        are blocked
source: signal(7) "Process-directed signals"; setitimer(2)
)")

namespace {

sem_t handled;
std::mutex one_at_a_time;
behalf::Timer* timer;

// Only what a handler may do (signal-safety(7)).
void read_the_notes(int) {
  for (const char* note : {"/home/alice/note.txt", "/home/bob/note.txt", "/root/note.txt"}) {
    const int fd = open(note, O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    char text[64];
    const ssize_t size = read(fd, text, sizeof text);
    close(fd);
    if (size > 0 && write(STDOUT_FILENO, text, static_cast<std::size_t>(size)) != size) continue;
  }
  sem_post(&handled);
}

}  // namespace

extern "C" void before() {
  sem_init(&handled, 0, 0);
  struct sigaction action {};
  action.sa_handler = read_the_notes;
  action.sa_flags = SA_RESTART;
  sigaction(SIGALRM, &action, nullptr);
}
extern "C" void before_cured() {
  timer = new behalf::Timer;
}

extern "C" int operation() {
  const std::lock_guard lock(one_at_a_time);
  itimerval soon{};
  soon.it_value.tv_usec = 2000;
  if (setitimer(ITIMER_REAL, &soon, nullptr) != 0) return errno;
  while (sem_wait(&handled) != 0) {
  }
  return 0;
}

extern "C" int cured() {
  std::promise<void> ran;
  const behalf::Alarm alarm = timer->after(std::chrono::milliseconds{2}, [&] {
    behalf_row::print_whose_notes_open();
    ran.set_value();
  });
  ran.get_future().wait();
  return 0;
}
