// Tripwire: one system call tells whether the identity of a thread was changed, even if it was changed back.
//
// The kernel clears a thread's parent-death signal when the thread's credentials become others in what decides over
// files and processes (prctl(2), PR_SET_PDEATHSIG; commit_creds() in kernel/cred.c). A thread that has set one, and
// reads it again, learns whether that has happened. tests/identity/tripwire_test.cc asks the running kernel for every
// line of this table (Linux 6.18):
//
//   cleared by a change of               effective uid, effective gid, fsuid, fsgid, each even where it is undone at
//   once left alone by a change of            real or saved uid or gid alone; groups; effective capabilities, raised or
//                                        dropped within the permitted ones; permitted ones, dropped; the session
//                                        keyring
//   left alone by a call that says       what is so already; a change that is refused
//   begun with none by                   a thread and a child of the thread that has one
//   none of its business                 what other threads of the process do
//
// So it is no substitute for asking for all (look_at_thread()): a thread with CAP_SETGID effective changes its groups
// unseen, any thread may exchange its real, effective and saved ids but for the effective one, and one that wears a
// user may raise what it is permitted by capset(2) and drop it again.
//
// The signal is SIGURG, which is sent to the process when the thread that started it ends, once for each wire: its
// default is to be ignored, nobody is interrupted by it then, and who has a handler for it looks for urgent data on
// sockets, of which there may be none. SIGCHLD and SIGWINCH are ignored by default too, but who handles the one counts
// children, and who handles the other draws.
#pragma once

#include <csignal>

#include "identity/system_calls.h"

namespace behalf::detail {

// Of the calling thread, which is the library's own: a thread of somebody else's may need its parent-death signal.
class Tripwire {
 public:
  static constexpr int signal = SIGURG;

  // Where the thread has no parent-death signal. A thread that has somebody's, or may not have one, gets no wire, and
  // is asked for all. 2 system calls.
  void lay(const SystemCalls& calls) noexcept;

  [[nodiscard]] bool is_laid() const noexcept { return laid_; }
  // Whether there is a wire and nothing has cut it. Where it was cut it is laid no more. 1 system call, none without.
  [[nodiscard]] bool intact(const SystemCalls& calls) noexcept;

 private:
  bool laid_ = false;
};

}  // namespace behalf::detail
