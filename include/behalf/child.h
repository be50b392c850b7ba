// Child: a program that spawn() has started. It belongs to one object, which sees to its end.
//
//   behalf::Child child = behalf::spawn(alice, {"sort", "notes.txt"}, {.output = behalf::Stream::pipe()});
//   const std::string sorted = behalf::read_all(child.output());
//   if (const behalf::ExitStatus end = child.wait(); end.signal != 0) complain(end.signal);
//
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>

#include "behalf/carried.h"
#include "behalf/descriptor.h"

namespace behalf {

// How a program ended.
struct ExitStatus {
  int code = 0;    // what it gave to exit(3), 0 where a signal ended it
  int signal = 0;  // the signal that ended it, 0 where none did

  [[nodiscard]] bool success() const noexcept { return code == 0 && signal == 0; }
  // As a shell tells it: the code, or 128 and the signal.
  [[nodiscard]] int as_of_shell() const noexcept { return signal != 0 ? 128 + signal : code; }
  friend bool operator==(const ExitStatus&, const ExitStatus&) = default;
};

// One thread at a time uses an object of this class. Errors of all members, unless they say otherwise: Error of reason
// not_there (it has been waited for, here or by a wait(2) for any child elsewhere in the process) and platform.
class Child {
 public:
  Child(Child&&) noexcept = default;
  Child& operator=(Child&&) = delete;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  // Effects: where it has not been waited for, it is ended as by end(), and waited for: no program of a user's goes on
  // with nobody to answer for it. To let it go on, release() it.
  ~Child();

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  // Readable once it has ended (pidfd_open(2)). Cost: none.
  [[nodiscard]] int pidfd() const noexcept { return pidfd_.get(); }

  // The service's ends of the pipes that were asked for, and of the terminal. Without value where there are none.
  [[nodiscard]] Descriptor& input() noexcept { return input_; }
  [[nodiscard]] Descriptor& output() noexcept { return output_; }
  [[nodiscard]] Descriptor& error() noexcept { return error_; }
  [[nodiscard]] Descriptor& terminal() noexcept { return terminal_; }

  // Effects: waits until it has ended. Its input is closed first, or it might wait for more for ever; what it says in
  // pipes is to be read before, or it might wait for ever to be heard. Cost: a system call or two.
  ExitStatus wait();
  // The same for so long at most; nothing where it goes on.
  [[nodiscard]] std::optional<ExitStatus> wait_for(std::chrono::milliseconds time);

  // Effects: sends it the signal, as the user: a program that is no longer hers is not reached, nor is, by mistake,
  // anybody else's. Errors: Error of reason not_permitted; as of Impersonation. Cost: 1 system call and an
  // Impersonation.
  void signal(int number);
  // The same for all that are in the process group that it leads, where it has a session of its own.
  void signal_group(int number);
  // Effects: kills it and all that are in its session's first process group, as the user, and waits for it.
  ExitStatus end();

  // Effects: the object lets it go: nobody is told how it ends but who has the pidfd, which is given away.
  [[nodiscard]] Descriptor release() noexcept;

 private:
  friend class Spawning;
  Child(Carried who, pid_t pid, Descriptor pidfd, bool leads) noexcept
      : who_(std::move(who)), pid_(pid), pidfd_(std::move(pidfd)), leads_group_(leads) {}

  ExitStatus reap(int flags, bool& ended);
  void kill_as_user(int number, bool group);

  Carried who_;
  pid_t pid_;
  Descriptor pidfd_;
  bool leads_group_;
  bool waited_ = false;
  Descriptor input_;
  Descriptor output_;
  Descriptor error_;
  Descriptor terminal_;
};

// All that comes from a descriptor until its end. Errors: Error of reason platform. Cost: a system call for every
// 64 KiB.
[[nodiscard]] std::string read_all(const Descriptor& from);

}  // namespace behalf
