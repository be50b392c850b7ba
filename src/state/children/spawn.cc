#include "behalf/spawn.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <stdexcept>

#include "behalf/environment.h"
#include "identity/errors.h"
#include "identity/give_back_failure.h"
#include "identity/service.h"
#include "state/children/launch.h"
#include "state/person.h"
#include "transfer/whoever.h"

namespace behalf {

namespace {

// The child's system calls need some hundred bytes; the rest is for a seam that does more than call.
constexpr std::size_t stack_bytes = 64 * 1024;

struct Advice {
  std::string_view step;  // empty: any
  int error;
  const char* what_to_do;
};
constexpr Advice advices[] = {
    {"empty the bounding set", EPERM,
     "The service needs CAP_SETPCAP for it, or say BoundingSet::of_service (run-as: --keep-bounding-set)"},
    {"reset the securebits", EPERM, "The service needs CAP_SETPCAP for it, and securebits that are not locked"},
    {"begin a session", EPERM,
     "The process leads its process group: fork(2) first, or say new_session = false (setsid(2))"},
    {"set the limits", EPERM, "To raise a hard limit the service needs CAP_SYS_RESOURCE (setrlimit(2))"},
    {"hand over the descriptors", EBADF, "A descriptor given is not open"},
    {"join a session keyring", EDQUOT, "The user's quota of keys is used up: /proc/key-users, keyrings(7)"},
    {"enter the directory", ENOENT,
     "Make the directory, or name another: SpawnOptions::directory (run-as: --directory)"},
    {"enter the directory", EACCES, "It is entered as the user: she may not"},
    {"execute the program", ENOENT, "Neither it nor, if it is a script, its interpreter is there for the user"},
    {"execute the program", EACCES, "The user may not execute it, or may not reach it"},
    {"execute the program", ENOEXEC, "It is no program; a script begins with #! and its interpreter"},
    {"execute the program", EAGAIN, "The user has as many processes as her limit allows (RLIMIT_NPROC)"},
    {"", EPERM, "A service needs CAP_SETUID and CAP_SETGID for it; seccomp filters and security modules may refuse"},
    {"", 0, "The kernel reported success and yet it is not so: a security module or a seccomp filter interferes"},
    {"", EAGAIN, "The kernel is short of a resource; try again later"},
    {"", ENOMEM, "The kernel is out of memory; try again later"},
};

std::string advice_for(std::string_view step, int error) {
  for (const Advice& advice : advices) {
    if ((advice.step.empty() || advice.step == step) && advice.error == error)
      return std::string{". "} + advice.what_to_do;
  }
  return "";
}

void refuse_nul(const std::string& text, const char* what) {
  if (text.find('\0') == std::string::npos) return;
  // NOLINTNEXTLINE(readability-redundant-string-cstr): as far as that.
  throw std::invalid_argument(std::string{"behalf: spawn: "} + what + " has a NUL in it: '" + text.c_str() + "…'");
}

std::string_view name_of(std::string_view variable) {
  return variable.substr(0, variable.find('='));
}

std::vector<std::string> environment_for(const Carried& who, const std::vector<std::string>& added) {
  std::vector<std::string> variables = environment(who);
  for (const std::string& each : added) {
    refuse_nul(each, "a variable");
    if (each.find('=') == std::string::npos || each.front() == '=') {
      throw std::invalid_argument("behalf: spawn: '" + each + "' is no NAME=value");
    }
    const auto same = std::find_if(variables.begin(), variables.end(),
                                   [&](const std::string& there) { return name_of(there) == name_of(each); });
    if (same != variables.end()) {
      *same = each;
    } else {
      variables.push_back(each);
    }
  }
  return variables;
}

// Where the program may be. What is relative in PATH, the working directory too, is left out.
std::vector<std::string> places_of(const std::string& program, const std::vector<std::string>& variables) {
  if (program.find('/') != std::string::npos) return {program};
  std::vector<std::string> places;
  for (const std::string& variable : variables) {
    if (name_of(variable) != "PATH") continue;
    std::string_view folders = std::string_view(variable).substr(5);
    while (!folders.empty()) {
      const std::string_view folder = folders.substr(0, folders.find(':'));
      if (folder.starts_with('/')) places.push_back(std::string(folder) + '/' + program);
      folders.remove_prefix(std::min(folders.size(), folder.size() + 1));
    }
  }
  return places;
}

// As execve(2) takes them: pointers, and null.
std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

[[noreturn]] void fail_to(const char* what, int error) {
  throw SpawnError(detail::reason_of(error),
                   std::string{"behalf: spawn: "} + what + ": " + detail::error_words(error) + advice_for(what, error),
                   error, what);
}

void check_made(long made, const char* what) {
  if (made < 0) fail_to(what, errno);
}

// Of the calling thread, or what it was when it was first asked: it never grows (capabilities(7)), so that what is not
// in it needs no dropping, which is the dearest of what a child does.
Capabilities bounding_set_at_most() {
  thread_local const Capabilities set = [] {
    Capabilities found = 0;
    for (int number = 0; number < 64; ++number) {
      const long there = detail::kernel_calls.prctl(PR_CAPBSET_READ, static_cast<unsigned long>(number), 0);
      if (there == -EINVAL) break;  // the kernel has no more
      if (there < 0) fail_to("read the bounding set", static_cast<int>(-there));
      if (there > 0) found |= detail::bit(number);
    }
    return found;
  }();
  return set;
}

}  // namespace

// One call of spawn().
class Spawning {
 public:
  Spawning(const Token& token, const std::vector<std::string>& argv, const SpawnOptions& options)
      : token_(token), who_(token), argv_(argv), options_(options) {}

  Child spawn() {
    const detail::Service& service = detail::service_for("spawn");
    prepare(service);
    const detail::AsServiceIfAny self;  // clone(2) copies the credentials of the thread that calls it
    return start();
  }

  [[noreturn]] void exec() {
    for (const Stream* stream : {&options_.input, &options_.output, &options_.error}) {
      if (stream->kind() == Stream::Kind::pipe || options_.terminal) {
        throw std::invalid_argument(
            "behalf: exec: nobody would have the other end of its pipe or terminal. Use "
            "behalf::spawn");
      }
    }
    prepare(detail::service_for("exec"));
    if (options_.new_session) keep_or_begin_session();
    const detail::AsServiceIfAny self;
    point_at_texts();
    // Until the program has reset them, or the process has ended, no handler of the service's runs as the user.
    constexpr std::uint64_t all = ~std::uint64_t{0};
    std::uint64_t mask = 0;
    if (const long result = launch_.calls->rt_sigprocmask(SIG_SETMASK, &all, &mask); result < 0)
      fail("block the signals", result);
    take_held_back(mask);
    detail::launch(&launch_);
    end_for_want_of_a_program();
  }

 private:
  void prepare(const detail::Service& service) {
    for (const std::string& argument : argv_) refuse_nul(argument, "an argument");
    refuse_nul(options_.directory.native(), "the directory");
    variables_ = environment_for(who_, options_.environment);
    programs_ = places_of(argv_.front(), variables_);
    directory_ = options_.directory.empty() ? detail::person_of(who_).home : options_.directory.string();
    scratch_.resize(token_.groups().size() + 1);
    stand_for_the_standard_three();
    give_the_others();

    launch_.calls = &detail::system_calls();
    launch_.uid = token_.uid();
    launch_.gid = token_.gid();
    launch_.groups = token_.groups().data();
    launch_.group_count = token_.groups().size();
    launch_.scratch = scratch_.data();
    launch_.service_uid = service.own.uid.effective;
    launch_.service_gid = service.own.gid.effective;
    launch_.keyrings = service.session_keyrings;
    if (options_.bounding_set == BoundingSet::empty) launch_.to_drop = bounding_set_at_most();
    launch_.no_new_privileges = options_.no_new_privileges;
    launch_.new_session = options_.new_session;
    launch_.take_terminal = options_.terminal;
    launch_.descriptors = descriptors_.data();
    launch_.descriptor_count = descriptors_.size();
    launch_.copies = copies_.data();
    launch_.limits = options_.limits.data();
    launch_.limit_count = options_.limits.size();
    launch_.directory = directory_.c_str();
    launch_.umask = options_.umask & 0777;
  }

  void stand_for_the_standard_three() {
    if (options_.terminal) return stand_for_a_terminal();
    const Stream* streams[] = {&options_.input, &options_.output, &options_.error};
    for (int there = 0; there < 3; ++there) {
      const Stream& stream = *streams[there];
      if (stream.kind() == Stream::Kind::given) {
        descriptors_.push_back({stream.fd(), there});
      } else if (stream.kind() == Stream::Kind::pipe) {
        int ends[2];
        check_made(::pipe2(ends, O_CLOEXEC), "make a pipe");
        ours_[there] = Descriptor(ends[there == 0 ? 1 : 0]);
        give(Descriptor(ends[there == 0 ? 0 : 1]), there);
      } else {
        if (!null_) null_ = Descriptor(::open("/dev/null", O_RDWR | O_CLOEXEC));
        check_made(null_.get(), "open /dev/null");
        descriptors_.push_back({null_.get(), there});
      }
    }
  }

  // Made as the user, to whom it then belongs.
  void stand_for_a_terminal() {
    detail::run_as_whoever(who_, [this] {
      terminal_ = Descriptor(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
      check_made(terminal_.get(), "make a terminal");
      check_made(::unlockpt(terminal_.get()), "unlock the terminal");
      Descriptor inside(::ioctl(terminal_.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
      check_made(inside.get(), "open the terminal");
      for (int there = 0; there < 3; ++there) descriptors_.push_back({inside.get(), there});
      theirs_.push_back(std::move(inside));
    });
  }

  void give(Descriptor end, int there) {
    descriptors_.push_back({end.get(), there});
    theirs_.push_back(std::move(end));
  }

  void give_the_others() {
    for (const GivenDescriptor& given : options_.descriptors) descriptors_.push_back(given);
    const auto by_number = [](const GivenDescriptor& a, const GivenDescriptor& b) { return a.there < b.there; };
    std::sort(descriptors_.begin(), descriptors_.end(), by_number);
    for (std::size_t i = 1; i < descriptors_.size(); ++i) {
      if (descriptors_[i].there != descriptors_[i - 1].there && descriptors_[0].there >= 0) continue;
      throw std::invalid_argument("behalf: spawn: descriptor " + std::to_string(descriptors_[i - 1].there) +
                                  " is given twice, or is no number of a descriptor (0, 1 and 2 are given by input, "
                                  "output and error)");
    }
    copies_.resize(descriptors_.size());
  }

  // What is pending since the service had it blocked is the service's, and outlives execve(2). What has come since is
  // for the process, whatever it is.
  static void take_held_back(std::uint64_t mask) {
    sigset_t held;
    ::sigemptyset(&held);
    for (int signal = 1; signal <= 64; ++signal) {
      if ((mask >> (signal - 1) & 1) != 0) ::sigaddset(&held, signal);
    }
    constexpr timespec at_once{};
    while (::sigtimedwait(&held, nullptr, &at_once) > 0 || errno == EINTR) {
    }
  }

  // Who leads a session begins no other (setsid(2)): it has what is wanted where it has no terminal.
  void keep_or_begin_session() {
    if (::getpgrp() != ::getpid()) return;
    if (::getsid(0) != ::getpid()) fail("begin a session", -EPERM);
    if (Descriptor(::open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC))) fail("begin a session", -EPERM);
    launch_.new_session = false;
  }

  [[noreturn]] void end_for_want_of_a_program() const {
    int status = ExecStatus::failed;
    try {
      fail(launch_.step, launch_.failed ? -launch_.error : -EINTR);
    } catch (const SpawnError& error) {
      const std::string line = std::string{error.what()} + '\n';
      (void)!::write(STDERR_FILENO, line.data(), line.size());
      if (error.step() == SpawnError::execution)
        status = error.error_number() == ENOENT ? ExecStatus::not_found : ExecStatus::not_executable;
    } catch (...) {  // no memory for the words: nothing goes on here all the same
    }
    ::_exit(status);
  }

  void point_at_texts() {
    program_pointers_ = pointers_to(programs_);
    argv_pointers_ = pointers_to(argv_);
    variable_pointers_ = pointers_to(variables_);
    launch_.programs = program_pointers_.data();
    launch_.argv = argv_pointers_.data();
    launch_.environment = variable_pointers_.data();
  }

  Child start() {
    point_at_texts();
    const auto stack = std::make_unique_for_overwrite<std::byte[]>(stack_bytes);
    const auto end = reinterpret_cast<std::uintptr_t>(stack.get() + stack_bytes) & ~std::uintptr_t{63};

    // No handler of the service's runs in the child, which shares its memory.
    const detail::SystemCalls& calls = *launch_.calls;
    constexpr std::uint64_t all = ~std::uint64_t{0};
    std::uint64_t mask = 0;
    if (const long result = calls.rt_sigprocmask(SIG_SETMASK, &all, &mask); result < 0)
      fail("block the signals", result);
    int pidfd = -1;
    const long pid = calls.clone(detail::launch, reinterpret_cast<void*>(end),
                                 CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &launch_, &pidfd);
    const long unmasked = calls.rt_sigprocmask(SIG_SETMASK, &mask, nullptr);
    if (unmasked < 0) {
      const long again = calls.rt_sigprocmask(SIG_SETMASK, &mask, nullptr);
      if (again < 0) detail::cannot_give_back(nullptr, {"rt_sigprocmask", static_cast<int>(-again)});
    }
    if (pid < 0) fail("make a process", pid);

    Child child(who_, static_cast<pid_t>(pid), Descriptor(pidfd), options_.new_session);
    if (launch_.failed || launch_.step != detail::last_step()) {
      let_end(child);
      fail(launch_.step, launch_.failed ? -launch_.error : -EINTR);
    }
    if (unmasked < 0) fail("unblock the signals of the service", unmasked);
    child.input_ = std::move(ours_[0]);
    child.output_ = std::move(ours_[1]);
    child.error_ = std::move(ours_[2]);
    child.terminal_ = std::move(terminal_);
    return child;
  }

  // Why there is no program is told, also where the service ignores SIGCHLD, or waits for any child, and the status is
  // gone.
  static void let_end(Child& child) {
    try {
      child.wait();
    } catch (const Error&) {
      (void)child.release();
    }
  }

  [[noreturn]] void fail(const char* step, long result) const {
    const int error = static_cast<int>(-result);
    const std::string_view name = step == nullptr ? "make a process" : step;
    const std::string on = name == "enter the directory" ? ' ' + directory_ : "";
    throw SpawnError(detail::reason_of(error),
                     "behalf: spawn " + argv_.front() + " as " + detail::describe(*token_.data()) + ": " +
                         std::string(name) + on + ": " +
                         (error != 0 ? detail::error_words(error) : std::string{"it had no effect"}) +
                         advice_for(name, error),
                     error, name);
  }

  const Token& token_;
  Carried who_;
  const std::vector<std::string>& argv_;
  const SpawnOptions& options_;

  std::vector<std::string> variables_;
  std::vector<std::string> programs_;
  std::string directory_;
  std::vector<char*> program_pointers_;
  std::vector<char*> argv_pointers_;
  std::vector<char*> variable_pointers_;
  std::vector<gid_t> scratch_;
  std::vector<GivenDescriptor> descriptors_;
  std::vector<int> copies_;
  std::vector<Descriptor> theirs_;  // the child's ends
  Descriptor ours_[3];
  Descriptor terminal_;
  Descriptor null_;
  detail::Launch launch_;
};

namespace {

void check_asked(const Token& token, const std::vector<std::string>& argv) {
  if (argv.empty() || argv.front().empty()) throw std::invalid_argument("behalf: spawn: no program is named");
  if (token.is_service()) {
    throw Error(Error::Reason::invalid_id,
                "behalf: spawn " + argv.front() + " as " + detail::describe(*token.data()) +
                    ": a child of spawn is a user's. Give the token of one; posix_spawn(3) makes the service's own");
  }
}

}  // namespace

Child spawn(const Token& token, const std::vector<std::string>& argv, const SpawnOptions& options) {
  check_asked(token, argv);
  return Spawning(token, argv, options).spawn();
}

void exec(const Token& token, const std::vector<std::string>& argv, const SpawnOptions& options) {
  check_asked(token, argv);
  Spawning(token, argv, options).exec();
}

}  // namespace behalf
