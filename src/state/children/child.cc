#include "behalf/child.h"

#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "behalf/error.h"
#include "identity/errors.h"
#include "transfer/later.h"
#include "transfer/whoever.h"

namespace behalf {

namespace {

[[noreturn]] void fail(const std::string& what, int error) {
  const Error::Reason reason = error == ECHILD || error == ESRCH ? Error::Reason::not_there
                               : error == EPERM                  ? Error::Reason::not_permitted
                                                                 : Error::Reason::platform;
  throw Error(reason,
              "behalf: " + what + ": " + detail::error_words(error) +
                  (error == ECHILD ? ". It has been waited for already: a wait(2) for any child of the process, or "
                                     "SIGCHLD ignored, takes the status away"
                                   : ""),
              error);
}

}  // namespace

Child::~Child() {
  // An object that was moved from has no pidfd.
  if (!pidfd_ || waited_) return;
  try {
    (void)end();
  } catch (const std::exception&) {
    // It has ended and somebody else has waited for it, or the thread cannot become the user.
  }
}

ExitStatus Child::reap(int flags, bool& ended) {
  siginfo_t info{};
  while (::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED | flags) < 0) {
    if (errno != EINTR) fail("wait for child " + std::to_string(pid_), errno);
  }
  ended = info.si_pid != 0;
  waited_ = waited_ || ended;
  if (!ended) return {};
  return info.si_code == CLD_EXITED ? ExitStatus{info.si_status, 0} : ExitStatus{0, info.si_status};
}

ExitStatus Child::wait() {
  input_ = Descriptor();
  bool ended = false;
  return reap(0, ended);
}

std::optional<ExitStatus> Child::wait_for(std::chrono::milliseconds time) {
  const auto until = detail::from_now(time);
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    pollfd end{pidfd_.get(), POLLIN, 0};
    const int ready = ::poll(&end, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 1'000'000)));
    if (ready < 0 && errno != EINTR) fail("wait for child " + std::to_string(pid_), errno);
    bool ended = false;
    const ExitStatus status = reap(WNOHANG, ended);
    if (ended) return status;
    if (left <= 0) return std::nullopt;
  }
}

void Child::kill_as_user(int number, bool group) {
  if (waited_) fail("send a signal to child " + std::to_string(pid_), ESRCH);
  int error = 0;
  detail::run_as_whoever(who_, [&] {
    // Until it has been waited for, nobody else has the number, nor is its group another's (waitid(2)).
    const long sent =
        group ? ::kill(-pid_, number) : ::syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0);
    if (sent < 0) error = errno;
  });
  if (error != 0) fail("send a signal to child " + std::to_string(pid_) + " as its user", error);
}

void Child::signal(int number) {
  kill_as_user(number, false);
}

void Child::signal_group(int number) {
  kill_as_user(number, leads_group_);
}

ExitStatus Child::end() {
  kill_as_user(SIGKILL, leads_group_);
  return wait();
}

Descriptor Child::release() noexcept {
  waited_ = true;
  return std::move(pidfd_);
}

std::string read_all(const Descriptor& from) {
  std::string text;
  std::array<char, 65536> part;
  for (;;) {
    const ssize_t count = ::read(from.get(), part.data(), part.size());
    if (count == 0) return text;
    // The end of a terminal: its last user has closed it (pty(7), EIO).
    if (count < 0 && errno == EIO) return text;
    if (count < 0 && errno != EINTR) fail("read what a child says", errno);
    if (count > 0) text.append(part.data(), static_cast<std::size_t>(count));
  }
}

}  // namespace behalf
