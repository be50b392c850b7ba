#include "run_as/run_as.h"

#include <behalf/initialize.h>
#include <behalf/spawn.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>

#include "identity/initialize_to_exec.h"
#include "run_as/terminal_relay.h"

namespace behalf::tool {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds grace(5);  // between asking a command to end, and ending it

// Whether it was ignored by whoever called the tool, as by nohup(1).
bool is_ignored(int number) {
  struct sigaction now {};
  return sigaction(number, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

// What would end or stop the tool is the command's: blocked here, read here, sent on. One that is ignored would be read
// all the same while it is blocked (signal(7)).
class SignalsForCommand {
 public:
  SignalsForCommand() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGTSTP}) {
      if (!is_ignored(number)) sigaddset(&set, number);
    }
    sigprocmask(SIG_BLOCK, &set, nullptr);
    fd_ = Descriptor(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  }

  int fd() const { return fd_.get(); }
  // The next one, 0 where there is none.
  int next() const {
    signalfd_siginfo info{};
    return read(fd_.get(), &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
  }
  // What the signal does to a process that is not prepared for it.
  void take(int number) const {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    raise(number);
    sigprocmask(SIG_UNBLOCK, &set, nullptr);
    sigprocmask(SIG_BLOCK, &set, nullptr);
  }

 private:
  Descriptor fd_;
};

// A command that is ending may be gone before it is sent a signal.
void send_to_all(Child& child, int number) {
  try {
    child.signal_group(number);
  } catch (const Error& error) {
    if (error.reason() != Error::Reason::not_there) throw;
  }
}

class Attendance {
 public:
  Attendance(Child& child, const SignalsForCommand& signals, double timeout)
      : child_(child), signals_(signals), relay_(child.terminal()) {
    if (timeout > 0)
      until_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(timeout));
  }

  // To the end of the command. Returns what to exit with.
  int to_the_end() {
    for (;;) {
      std::array<pollfd, 4> all = {
          {{child_.pidfd(), POLLIN, 0}, {signals_.fd(), POLLIN, 0}, relay_.from_user(), relay_.from_command()}};
      if (poll(all.data(), all.size(), milliseconds_left()) < 0 && errno != EINTR) break;
      if (all[3].revents != 0) relay_.show();
      if (all[2].revents != 0) relay_.type();
      if (all[1].revents != 0) send_on();
      if (all[0].revents != 0) break;
      if (until_ && Clock::now() >= *until_) time_is_up();
    }
    relay_.show_the_rest();
    const int status = child_.wait().as_of_shell();
    return timed_out_ ? run_as_timed_out : status;
  }

 private:
  int milliseconds_left() const {
    if (!until_) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*until_ - Clock::now()).count();
    return left < 0 ? 0 : left > 1'000'000 ? 1'000'000 : static_cast<int>(left);
  }

  void send_on() {
    for (int number = signals_.next(); number != 0; number = signals_.next()) {
      if (number == SIGTSTP) {
        stop_with_command();
      } else if (number == SIGWINCH && relay_.is_there()) {
        relay_.resize();
      } else {
        send_to_all(child_, number);
      }
    }
  }

  // As a job of a shell's, until the shell goes on with it. The command's process group is an orphan, which no signal
  // from a terminal stops (setpgid(2)); and where the tool's own is one, too, there is nobody to go on with it: neither
  // stops.
  void stop_with_command() {
    send_to_all(child_, SIGSTOP);
    relay_.rest();
    signals_.take(SIGTSTP);
    relay_.go_on();
    send_to_all(child_, SIGCONT);
  }

  // First asked, then, after the grace, not.
  void time_is_up() {
    send_to_all(child_, timed_out_ ? SIGKILL : SIGTERM);
    timed_out_ = true;
    until_ = Clock::now() + grace;
  }

  Child& child_;
  const SignalsForCommand& signals_;
  TerminalRelay relay_;
  std::optional<Clock::time_point> until_;
  bool timed_out_ = false;
};

// The mask that the session has set, where it was to.
mode_t mask_of_process() {
  const mode_t mask = umask(0);
  umask(mask);
  return mask;
}

SpawnOptions options_for(const RunAs& wanted) {
  SpawnOptions options;
  options.input = Stream::of(STDIN_FILENO);
  options.output = Stream::of(STDOUT_FILENO);
  options.error = Stream::of(STDERR_FILENO);
  options.terminal = wanted.terminal;
  options.directory = wanted.directory;
  options.environment = wanted.environment;
  if (const char* const type = std::getenv("TERM"); type != nullptr) {
    options.environment.insert(options.environment.begin(), std::string{"TERM="} + type);
  }
  if (!wanted.umask.empty()) options.umask = static_cast<mode_t>(std::stoul(wanted.umask, nullptr, 8));
  options.no_new_privileges = wanted.no_new_privileges;
  options.bounding_set = wanted.keep_bounding_set ? BoundingSet::of_service : BoundingSet::empty;
  return options;
}

// Whether nothing is left to do once the command has been begun. A terminal's signals reach what is in its foreground,
// which a command in a session of its own is not: they are sent on to it.
bool may_become(const RunAs& wanted) {
  if (wanted.session || wanted.terminal || wanted.timeout > 0) return false;
  const bool leads_group = getpgrp() == getpid();
  if (leads_group && getsid(0) != getpid()) return false;
  return !Descriptor(open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC));
}

int say(const std::exception& error, int status) {
  std::fprintf(stderr, "%s\n", error.what());
  return status;
}

}  // namespace

int run_as(const RunAs& wanted, OpenSession open_session) {
  try {
    signal(SIGPIPE, SIG_IGN);  // a reader that went away is an error like any other
    const bool becomes_it = may_become(wanted);
    if (becomes_it) {
      detail::initialize_to_exec();
    } else {
      initialize({});
    }
    // Who calls this names the user; that she is no ordinary one is no surprise to him. Root is refused all the same.
    const Token token = Token::for_user(wanted.user, allow_low_ids);
    SpawnOptions options = options_for(wanted);
    if (becomes_it) exec(token, wanted.command, options);
    std::unique_ptr<Session> session;
    if (wanted.session) {
      umask(options.umask);
      session = open_session(token);
      const std::vector<std::string> variables = session->environment();
      options.environment.insert(options.environment.begin(), variables.begin(), variables.end());
      if (wanted.umask.empty()) options.umask = mask_of_process();
    }
    const SignalsForCommand signals;
    Child child = spawn(token, wanted.command, options);
    return Attendance(child, signals, wanted.timeout).to_the_end();
  } catch (const SpawnError& error) {
    if (error.step() != SpawnError::execution) return say(error, run_as_failed);
    return say(error, error.error_number() == ENOENT ? run_as_not_found : run_as_not_executable);
  } catch (const std::exception& error) {
    return say(error, run_as_failed);
  }
}

}  // namespace behalf::tool
