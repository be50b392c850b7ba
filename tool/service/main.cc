// The service on the stage: a process that loads the operation, and a worker thread that runs it for one user after
// another. It is the library's own user: what it does to work for somebody is what a server would write.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <barrier>
#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "behalf/impersonation.h"
#include "behalf/initialize.h"
#include "behalf/posture.h"
#include "behalf/powers.h"
#include "behalf/token.h"
#include "call/invocation.h"
#include "service/marks.h"
#include "trace/system_call_table.h"

extern "C" char** environ;

namespace behalf::tool {
namespace {

int gate = -1;

void mark(MarkKind kind, unsigned long a = 0, unsigned long b = 0, unsigned long c = 0) {
  prctl(static_cast<int>(mark_option), kind, a, b, c);
}

// Waits as a server's thread waits for its next request, in a system call: what the kernel has left to do in this
// thread (io_uring's task work) must not be held up, as it would be in a thread that the tracer stops.
void mark_and_wait(MarkKind kind, unsigned long a = 0, unsigned long b = 0, unsigned long c = 0) {
  mark(kind, a, b, c);
  char go = 0;
  while (read(gate, &go, 1) < 0 && errno == EINTR) {
  }
}

[[noreturn]] void cannot(const std::string& why) {
  mark_and_wait(mark_cannot, reinterpret_cast<unsigned long>(why.c_str()));
  _exit(70);
}

struct Arguments {
  std::string library, operation, posture, shield;
  std::vector<std::string> setup;
  std::vector<std::string> calls;  // account names, "idle", or "self" in the process of an oracle
  unsigned rounds = 0;             // of the concurrent leg
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string key = argv[i], value = argv[i + 1];
    if (key == "--library")
      arguments.library = value;
    else if (key == "--operation")
      arguments.operation = value;
    else if (key == "--setup")
      arguments.setup.push_back(value);
    else if (key == "--posture")
      arguments.posture = value;
    else if (key == "--shield")
      arguments.shield = value;
    else if (key == "--gate")
      gate = std::atoi(value.c_str());
    else if (key == "--rounds")
      arguments.rounds = static_cast<unsigned>(std::atoi(value.c_str()));
    else if (key == "--calls") {
      std::istringstream names(value);
      for (std::string name; std::getline(names, name, ',');) arguments.calls.push_back(name);
    }
  }
  return arguments;
}

// A call as it was written, of a function of the library. dlsym(3) takes the default version of a name, and calls the
// resolver of a function that has one (IFUNC).
std::unique_ptr<const Invocation> invocation(void* library, const std::string& written) {
  Prototype prototype = parse_prototype(written);
  void* const function = dlsym(library, prototype.name.c_str());
  if (function == nullptr) cannot(dlerror());
  return std::make_unique<const Invocation>(std::move(prototype), function);
}

// What a server does at start-up: before any call, as whoever the process is.
void set_up(void* library, const std::vector<std::string>& setup) {
  for (std::size_t i = 0; i < setup.size(); ++i) {
    const auto call = invocation(library, setup[i]);
    mark(mark_setup, i);
    try {
      (*call)();
    } catch (const std::exception& error) {
      cannot("the set-up call '" + setup[i] + "' threw an exception: " + error.what());
    }
  }
  std::fflush(stdout);
}

// Who a call works for: nobody but the process itself, or a user in the wanted posture.
using Who = std::optional<Token>;

Who who(const std::string& name, const std::string& posture) {
  if (name == "self" || name == "root") return std::nullopt;
  const Token token = Token::for_user(name);
  const auto wanted = parse_posture(posture);
  if (!wanted) cannot("no posture " + posture);
  switch (*wanted) {
    case Posture::files:
      return token.with_posture(posture_files);
    case Posture::effective:
      return token.with_posture(posture_effective);
    default:
      return token.with_posture(*wanted);
  }
}

// The environment as one string, sorted: setenv(3) reorders it.
std::string environment() {
  std::vector<std::string> variables;
  for (char** at = environ; at != nullptr && *at != nullptr; ++at) variables.emplace_back(*at);
  std::sort(variables.begin(), variables.end());
  std::string all;
  for (const std::string& variable : variables) all += variable + '\n';
  return all;
}

void mark_with_environment(MarkKind kind, unsigned long call) {
  const std::string now = environment();
  mark_and_wait(kind, call, reinterpret_cast<unsigned long>(now.data()), now.size());
}

void run_for(const Who& user, const Invocation& operation, unsigned long call) {
  const auto run = [&] {
    mark(mark_begin, call);
    unsigned long result = 0;
    try {
      result = operation();
    } catch (const std::exception& error) {
      // An exception is an outcome like any other: it is said where the outcome is read.
      std::printf("exception: %s\n", error.what());
    }
    std::fflush(stdout);
    mark(mark_returned, call, result, static_cast<unsigned long>(operation.returned()));
  };
  if (user) {
    const Impersonation as{*user};
    run();
  } else {
    run();
  }
}

// One worker serves them all in turn, as a server's does, so that what a thread keeps to itself is tried too.
void in_turn(const std::vector<std::pair<std::string, Who>>& calls, const Invocation& operation) {
  unsigned long call = 0;
  for (const auto& [name, user] : calls) {
    if (name == "idle") {
      mark_and_wait(mark_idle);
      continue;
    }
    mark_with_environment(mark_before, call);
    run_for(user, operation, call);
    mark_with_environment(mark_after, call);
    ++call;
  }
}

void at_once(const std::vector<std::pair<std::string, Who>>& calls, const Invocation& operation, unsigned rounds) {
  mark_with_environment(mark_before, 0);
  std::barrier together(static_cast<std::ptrdiff_t>(calls.size()));
  std::vector<std::thread> workers;
  for (std::size_t i = 0; i < calls.size(); ++i)
    workers.emplace_back([&, i] {
      for (unsigned round = 0; round < rounds; ++round) {
        together.arrive_and_wait();
        run_for(calls[i].second, operation, round * calls.size() + i);
      }
    });
  for (std::thread& worker : workers) worker.join();
  mark_with_environment(mark_after, 0);
}

}  // namespace
}  // namespace behalf::tool

// The canary: an operation known to lose its identity, for the tool's check of itself. A thread made before the call
// opens the file, as the service that it is.
namespace {
std::mutex canary_mutex;
std::condition_variable canary_changed;
bool canary_asked = false, canary_done = false;
int canary_result = 0;
}  // namespace

extern "C" void behalf_canary_before() {
  std::thread([] {
    std::unique_lock lock(canary_mutex);
    for (;;) {
      canary_changed.wait(lock, [] { return canary_asked; });
      const int fd = open("/srv/root-only.txt", O_RDONLY | O_CLOEXEC);
      canary_result = fd < 0 ? 1 : 0;
      if (fd >= 0) close(fd);
      canary_asked = false;
      canary_done = true;
      canary_changed.notify_all();
    }
  }).detach();
}

extern "C" int behalf_canary() {
  std::unique_lock lock(canary_mutex);
  canary_asked = true;
  canary_done = false;
  canary_changed.notify_all();
  canary_changed.wait(lock, [] { return canary_done; });
  return canary_result;
}

int main(int argc, char** argv) {
  using namespace behalf::tool;
  const Arguments arguments = parse(argc, argv);
  fcntl(gate, F_SETFD, FD_CLOEXEC);
  setvbuf(stdout, nullptr, _IOLBF, 0);  // a line is written by the thread that printed it
  try {
    if (!arguments.posture.empty()) {
      behalf::Options options;
      options.shield_account = arguments.shield;
      behalf::initialize(options);
    }
    std::vector<std::pair<std::string, Who>> calls;
    for (const std::string& name : arguments.calls)
      calls.emplace_back(name, name == "idle" ? std::nullopt : who(name, arguments.posture));

    void* const library = dlopen(arguments.library.empty() ? nullptr : arguments.library.c_str(), RTLD_NOW);
    if (library == nullptr) cannot(dlerror());
    const auto operation = invocation(library, arguments.operation);
    set_up(library, arguments.setup);

    mark_and_wait(mark_ready);
    std::thread([&] {
      if (arguments.rounds > 0)
        at_once(calls, *operation, arguments.rounds);
      else
        in_turn(calls, *operation);
    }).join();
  } catch (const std::exception& error) {
    cannot(error.what());
  }
  mark_and_wait(mark_done);
  _exit(0);  // what a library does at exit is not the operation's
}
