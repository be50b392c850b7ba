#include <behalf/bind.h>
#include <behalf/signal_handlers.h>
#include <semaphore.h>

#include <csignal>
#include <future>
#include <mutex>

#include "row.h"

BEHALF_ROW(R"(
title:  kill(2) to the own process, the work done in the handler
works:  none
hop:    callback
clock:  later
wrong:  the signal is the process's: any thread that does not block it runs the handler, as whoever it is just then: here
        the main thread, the service; on a thread of one's own that wears a user, as her
cure:   behalf::SignalHandlers: one thread, the service, takes the signals and calls ordinary functions, which may wear
        whom they work for
source: signal(7) "Process-directed signals"
)")

namespace {

sem_t handled;
std::mutex one_at_a_time;

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

void wait_until_handled() {
  while (sem_wait(&handled) != 0) {
  }
}

behalf::SignalHandlers* handlers;
std::function<void()> asked_for;

}  // namespace

extern "C" void before() {
  sem_init(&handled, 0, 0);
  struct sigaction action {};
  action.sa_handler = read_the_notes;
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR1, &action, nullptr);
}
extern "C" void before_cured() {
  sem_init(&handled, 0, 0);
  handlers = new behalf::SignalHandlers({{SIGUSR1, [](const siginfo_t&) {
                                            asked_for();
                                            sem_post(&handled);
                                          }}});
}

static int send_to_own_process() {
  return kill(getpid(), SIGUSR1) == 0 ? 0 : errno;
}

extern "C" int operation() {
  const std::lock_guard lock(one_at_a_time);
  if (const int failed = send_to_own_process()) return failed;
  wait_until_handled();
  return 0;
}

extern "C" int cured() {
  const std::lock_guard lock(one_at_a_time);
  const behalf::Carried caller;
  asked_for = [&] { caller.run(behalf_row::print_whose_notes_open); };
  if (const int failed = send_to_own_process()) return failed;
  wait_until_handled();
  return 0;
}
