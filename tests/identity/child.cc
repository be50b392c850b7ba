#include "child.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <exception>
#include <stdexcept>
#include <thread>

// A child ends by _exit, so a report must end it at once to be seen.
extern "C" const char* __tsan_default_options();
extern "C" const char* __tsan_default_options() {
  return "halt_on_error=1:exitcode=66:atexit_sleep_ms=0";
}

namespace behalf::testing {

namespace {

void read_all(int a, std::string& from_a, int b, std::string& from_b) {
  pollfd ends[] = {{a, POLLIN, 0}, {b, POLLIN, 0}};
  std::string* texts[] = {&from_a, &from_b};
  int open = 2;
  while (open > 0) {
    if (::poll(ends, 2, -1) < 0) continue;
    for (int i = 0; i < 2; ++i) {
      if (ends[i].fd < 0 || ends[i].revents == 0) continue;
      char buffer[4096];
      const ssize_t count = ::read(ends[i].fd, buffer, sizeof buffer);
      if (count > 0) {
        texts[i]->append(buffer, static_cast<std::size_t>(count));
      } else {
        ends[i].fd = -1;
        --open;
      }
    }
  }
}

}  // namespace

ChildEnd in_child(const std::function<void()>& body) {
  int failure[2];
  int said[2];
  if (::pipe(failure) != 0 || ::pipe(said) != 0) throw std::runtime_error("pipe");
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::close(failure[0]);
    ::close(said[0]);
    ::dup2(said[1], STDERR_FILENO);
    std::string words;
    try {
      body();
    } catch (const std::exception& error) {
      words = error.what();
      if (words.empty()) words = "an exception without words";
    }
    [[maybe_unused]] const ssize_t written = ::write(failure[1], words.data(), words.size());
    ::_exit(words.empty() ? 0 : 1);
  }
  ::close(failure[1]);
  ::close(said[1]);
  ChildEnd end;
  read_all(failure[0], end.failure, said[0], end.said);
  ::close(failure[0]);
  ::close(said[0]);
  int status = 0;
  if (::waitpid(pid, &status, 0) != pid) throw std::runtime_error("waitpid");
  end.exited = WIFEXITED(status);
  end.status = end.exited ? WEXITSTATUS(status) : WTERMSIG(status);
  return end;
}

std::string in_own_process(const std::function<void()>& body) {
  const ChildEnd end = in_child(body);
  if (end.exited && end.status == 0) return "";
  if (!end.failure.empty()) return end.failure;
  return (end.exited ? "exit status " : "signal ") + std::to_string(end.status) + ": " + end.said;
}

void on_thread(const std::function<void()>& body) {
  std::exception_ptr thrown;
  std::thread([&] {
    try {
      body();
    } catch (...) {
      thrown = std::current_exception();
    }
  }).join();
  if (thrown) std::rethrow_exception(thrown);
}

void must(bool holds, const std::string& words) {
  if (!holds) throw std::runtime_error(words);
}

}  // namespace behalf::testing
