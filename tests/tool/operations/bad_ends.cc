// Operations that do not come back as they should.
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <stdexcept>
#include <string>
#include <thread>

// The oracles of alice and bob are as they should be: it is the service that it goes wrong in, whose environment is
// root's.
static bool in_a_service() {
  const char* const user = std::getenv("USER");
  return user != nullptr && std::string(user) == "root";
}

extern "C" {

int crashes() {
  if (in_a_service()) raise(SIGSEGV);
  return 0;
}
int hangs() {
  if (in_a_service())
    for (;;) pause();
  return 0;
}
int exits() {
  if (in_a_service()) std::exit(3);
  return 0;
}
int aborts() {
  if (in_a_service()) std::abort();
  return 0;
}
int throws() {
  if (in_a_service()) throw std::runtime_error("the service throws");
  return 0;
}
int throws_always() {
  throw std::runtime_error("everybody throws");
}
int throws_a_number() {
  if (in_a_service()) throw 7;
  return 0;
}
int crashes_always() {
  std::abort();
  return 0;
}

int prints_100_megabytes() {
  const std::string line(999999, 'x');
  for (int i = 0; i < 100; ++i) std::puts(line.c_str());
  return 0;
}

int prints_for_ever() {
  const std::string line(999999, 'x');
  for (;;) std::puts(line.c_str());
}
int prints_two_megabytes() {
  std::puts(std::string(2'000'000, 'x').c_str());
  return 0;
}
int prints_twenty_megabytes() {
  std::puts(std::string(20'000'000, 'x').c_str());
  return 0;
}
int prints_two_megabytes_and_who() {
  std::printf("%s%s\n", std::string(2'000'000, 'x').c_str(), std::getenv("USER"));
  return 0;
}

int leaves_a_thread_spinning() {
  std::thread([] {
    for (std::atomic<long> i{0};; ++i) {
    }
  }).detach();
  return 0;
}

int sleeps_for_a_minute() {
  sleep(60);
  return 0;
}

}  // extern "C"

// Busy for a while by the clock of its own thread, however little of a CPU it gets.
extern "C" int works_for_a_while() {
  const auto used = [] {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
  };
  for (const long end = used() + 150; used() < end;) continue;
  return 0;
}
