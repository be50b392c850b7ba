// Blocks, or does not, in the way that is asked for: what "quiet" means is tried on each.
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>

#include <atomic>
#include <map>
#include <thread>

#include "trap.h"

namespace {

constexpr timespec long_time = {30, 0};

void handler(int) {
  trap::say("fired\n");
}

void catch_signal(int signal) {
  struct sigaction action {};
  action.sa_handler = handler;
  sigaction(signal, &action, nullptr);
}

itimerspec in(long milliseconds, long every = 0) {
  return {{every / 1000, every % 1000 * 1000000}, {milliseconds / 1000, milliseconds % 1000 * 1000000}};
}

timer_t make_timer(clockid_t clock = CLOCK_MONOTONIC) {
  catch_signal(SIGALRM);
  timer_t timer{};
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGALRM;
  trap::must(timer_create(clock, &event, &timer) == 0, "timer_create");
  return timer;
}

void arm(timer_t timer, int flags, const itimerspec& when) {
  trap::must(timer_settime(timer, flags, &when, nullptr) == 0, "timer_settime");
}

itimerspec at(clockid_t clock, long milliseconds) {
  itimerspec when{};
  clock_gettime(clock, &when.it_value);
  when.it_value.tv_nsec += milliseconds * 1000000;
  while (when.it_value.tv_nsec >= 1000000000) when.it_value.tv_nsec -= 1000000000, ++when.it_value.tv_sec;
  return when;
}

void spin() {
  for (;;) asm volatile("");
}

void forever() {
  for (;;) pause();
}

int watched(int events_of) {
  const int set = epoll_create1(0);
  epoll_event event{};
  event.events = EPOLLIN;
  epoll_ctl(set, EPOLL_CTL_ADD, events_of, &event);
  return set;
}

int silent() {
  static const int fd = eventfd(0, 0);
  return fd;
}

// Two threads that wake each other without end.
void ping_pong_by_futex() {
  static std::atomic<int> turn{0};
  const auto play = [](int mine) {
    for (;;) {
      while (turn.load() != mine) syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, 1 - mine, nullptr, nullptr, 0);
      turn.store(1 - mine);
      syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
    }
  };
  std::thread(play, 1).detach();
  play(0);
}
void ping_pong_by_pipe(bool processes) {
  int there[2], back[2];
  trap::must(pipe(there) == 0 && pipe(back) == 0, "pipe");
  const auto play = [](int from, int to) {
    char byte = 0;
    for (;;)
      if (read(from, &byte, 1) != 1 || write(to, &byte, 1) != 1) std::abort();
  };
  if (processes) {
    if (fork() == 0) play(there[0], back[1]);
  } else {
    std::thread(play, there[0], back[1]).detach();
  }
  trap::must(write(there[1], "b", 1) == 1, "write");
  play(back[0], there[1]);
}

const std::map<std::string, void (*)()>& ways() {
  static const std::map<std::string, void (*)()> table = {
      // With no end of its own accord.
      {"pause", forever},
      {"futex",
       [] {
         static int word = 0;
         syscall(SYS_futex, &word, FUTEX_WAIT, 0, nullptr, nullptr, 0);
       }},
      {"poll",
       [] {
         pollfd one = {silent(), POLLIN, 0};
         poll(&one, 1, -1);
       }},
      {"ppoll",
       [] {
         pollfd one = {silent(), POLLIN, 0};
         ppoll(&one, 1, nullptr, nullptr);
       }},
      {"select",
       [] {
         fd_set set;
         FD_ZERO(&set);
         FD_SET(silent(), &set);
         select(silent() + 1, &set, nullptr, nullptr, nullptr);
       }},
      {"epoll",
       [] {
         epoll_event event{};
         epoll_wait(watched(silent()), &event, 1, -1);
       }},
      {"epoll_pwait2",
       [] {
         epoll_event event{};
         epoll_pwait2(watched(silent()), &event, 1, nullptr, nullptr);
       }},
      {"read",
       [] {
         std::uint64_t value;
         (void)!read(silent(), &value, 8);
       }},
      {"sem_wait",
       [] {
         static sem_t semaphore;
         sem_wait(&semaphore);
       }},
      {"sigwait",
       [] {
         sigset_t set;
         sigemptyset(&set);
         sigaddset(&set, SIGUSR1);
         sigprocmask(SIG_BLOCK, &set, nullptr);
         int signal;
         sigwait(&set, &signal);
       }},
      {"join", [] { std::thread(forever).join(); }},
      {"stopped", [] { raise(SIGSTOP); }},
      {"stopped-threads",
       [] {
         std::thread(forever).detach();
         raise(SIGSTOP);
       }},
      {"vfork",
       [] {
         if (vfork() == 0) {
           pause();
           _exit(0);
         }
       }},
      // With an end.
      {"nanosleep", [] { nanosleep(&long_time, nullptr); }},
      {"clock_nanosleep", [] { clock_nanosleep(CLOCK_REALTIME, 0, &long_time, nullptr); }},
      {"futex-timed",
       [] {
         static int word = 0;
         syscall(SYS_futex, &word, FUTEX_WAIT, 0, &long_time, nullptr, 0);
       }},
      {"poll-timed",
       [] {
         pollfd one = {silent(), POLLIN, 0};
         poll(&one, 1, 30000);
       }},
      {"ppoll-timed",
       [] {
         pollfd one = {silent(), POLLIN, 0};
         ppoll(&one, 1, &long_time, nullptr);
       }},
      {"select-timed",
       [] {
         timeval time = {30, 0};
         select(0, nullptr, nullptr, nullptr, &time);
       }},
      {"pselect-timed", [] { pselect(0, nullptr, nullptr, nullptr, &long_time, nullptr); }},
      {"epoll-timed",
       [] {
         epoll_event event{};
         epoll_wait(watched(silent()), &event, 1, 30000);
       }},
      {"epoll_pwait2-timed",
       [] {
         epoll_event event{};
         epoll_pwait2(watched(silent()), &event, 1, &long_time, nullptr);
       }},
      {"sem_timedwait",
       [] {
         static sem_t semaphore;
         const auto when = at(CLOCK_REALTIME, 30000).it_value;
         sem_timedwait(&semaphore, &when);
       }},
      {"sigtimedwait",
       [] {
         sigset_t set;
         sigemptyset(&set);
         sigaddset(&set, SIGUSR1);
         sigprocmask(SIG_BLOCK, &set, nullptr);
         sigtimedwait(&set, nullptr, &long_time);
       }},
      {"restarted-sleep",
       [] {
         raise(SIGSTOP);
         nanosleep(&long_time, nullptr);
       }},
      {"thread-sleeps",
       [] {
         std::thread([] { nanosleep(&long_time, nullptr); }).detach();
         forever();
       }},
      // With an armed timer.
      {"timer",
       [] {
         arm(make_timer(), 0, in(200));
         forever();
       }},
      {"timer-absolute",
       [] {
         arm(make_timer(), TIMER_ABSTIME, at(CLOCK_MONOTONIC, 200));
         forever();
       }},
      {"timer-realtime",
       [] {
         arm(make_timer(CLOCK_REALTIME), TIMER_ABSTIME, at(CLOCK_REALTIME, 200));
         forever();
       }},
      {"timer-boottime",
       [] {
         arm(make_timer(CLOCK_BOOTTIME), TIMER_ABSTIME, at(CLOCK_BOOTTIME, 200));
         forever();
       }},
      {"setitimer",
       [] {
         catch_signal(SIGALRM);
         const itimerval once = {{0, 0}, {0, 200000}};
         setitimer(ITIMER_REAL, &once, nullptr);
         forever();
       }},
      {"timerfd",
       [] {
         const int fd = timerfd_create(CLOCK_MONOTONIC, 0);
         const itimerspec when = in(200);
         timerfd_settime(fd, 0, &when, nullptr);
         std::uint64_t value = 0;
         if (read(fd, &value, 8) == 8) trap::say("fired\n");
         forever();
       }},
      {"alarm",
       [] {
         catch_signal(SIGALRM);
         alarm(1);
         forever();
       }},
      {"timer-long",
       [] {
         arm(make_timer(), 0, in(30000));
         forever();
       }},
      {"timer-repeated",
       [] {
         arm(make_timer(), 0, in(30000, 30000));
         forever();
       }},
      {"timer-disarmed",
       [] {
         const timer_t timer = make_timer();
         arm(timer, 0, in(30000));
         arm(timer, 0, in(0));
         forever();
       }},
      {"timer-deleted",
       [] {
         const timer_t timer = make_timer();
         arm(timer, 0, in(30000));
         timer_delete(timer);
         forever();
       }},
      {"timer-of-the-past",
       [] {
         catch_signal(SIGALRM);
         itimerspec past = {{0, 0}, {1, 0}};
         arm(make_timer(), TIMER_ABSTIME, past);
         forever();
       }},
      {"alarm-cancelled",
       [] {
         alarm(30);
         alarm(0);
         forever();
       }},
      // Never at rest.
      {"spin", spin},
      {"spin-in-thread",
       [] {
         std::thread(spin).detach();
         forever();
       }},
      {"futex-ping-pong", ping_pong_by_futex},
      {"pipe-ping-pong", [] { ping_pong_by_pipe(false); }},
      {"process-ping-pong", [] { ping_pong_by_pipe(true); }},
      {"yields",
       [] {
         for (;;) sched_yield();
       }},
  };
  return table;
}

}  // namespace

int main(int, char** argv) {
  const auto way = ways().find(argv[1]);
  trap::must(way != ways().end(), argv[1]);
  trap::mark(1);
  way->second();
  trap::say("went on\n");
  forever();
}
