// What happened, as data: the one event model of the tool. The judge reads nothing else.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "trace/credentials.h"
#include "trace/system_call_table.h"

namespace behalf::tool {

// A place in a program: the module as the tracee sees it and the offset in it, so that names can be found later.
struct Frame {
  std::string module;
  std::uint64_t offset = 0;
  friend bool operator==(const Frame&, const Frame&) = default;
};
using Stack = std::vector<Frame>;

// How a thread or process came to be.
enum class Birth : std::uint8_t { first, thread, fork, vfork };

// A thread's life. `number` counts births in the run, so that a reused tid is another thread.
struct Thread {
  int number = 0;
  pid_t tid = 0;
  pid_t process = 0;
  int parent = -1;  // number of the thread that made it
  Birth birth = Birth::first;
  int born_in = -1;  // window (see below) in which it was born
  CredentialsTable::Id born_as = 0;
  bool ended = false;
  std::uint64_t born = 0;  // sequence number
  std::string program;     // of the last execve, empty while it is the program of its parent
  Stack made_at;           // where its parent made it, when that was asked for
};

// A system call whose outcome depends on who the caller is, or the same work asked of io_uring.
struct Effect {
  std::uint64_t sequence = 0;
  int thread = 0;  // number
  int window = -1;
  std::string call;
  std::string object;
  Decides decides = Decides::none;
  CredentialsTable::Id as = 0;
  long result = 0;        // negative: -errno
  bool finished = false;  // false: the thread ended in it, or its result was not seen
  bool by_ring = false;
  bool reads = false;     // changes nothing: an open for reading, a look at a file's status
  bool polled = false;    // by_ring, and by the kernel's thread that polls it: under whoever made the ring
  bool deferred = false;  // by_ring, and not issued at submission: under whoever the thread is by then
  int through = -1;       // the directory's descriptor that its name was looked up below
  Stack stack;
};

// An identity call by a thread; `broadcast` when it was made in glibc's handler for process-wide changes (nptl(7)).
struct IdentityCall {
  std::uint64_t sequence = 0;
  int thread = 0;
  int window = -1;
  std::string call;
  bool broadcast = false;
};

// Who handed something over, and where.
struct Giver {
  int thread = 0;
  CredentialsTable::Id as = 0;  // what it wore
  Stack stack;
  std::uint64_t sequence = 0;
  // At one place, once or several times.
  bool same_place(const Giver& other) const { return thread == other.thread && as == other.as && stack == other.stack; }
};

// How work reached a thread: somebody woke it, or it took what somebody gave. By kind "outside" it took what came over
// a connection from a process that is not traced, unasked: no giver is known.
struct Handoff {
  std::uint64_t sequence = 0;
  int to = 0;                 // thread number
  std::string kind;           // "wake", "pipe", "socket", "eventfd", "signal" ... (trace/channel.h)
  std::string certainty;      // "exclusive", "structural", "ambiguous"
  std::vector<Giver> givers;  // one; where it is ambiguous, all that may have been; none from outside
};

// A change of what all threads of a process share, as another thread of it then saw it: it counts, even when it is
// taken back.
struct SharedChange {
  std::uint64_t sequence = 0;
  int thread = 0;  // that made it
  int window = -1;
  std::string what;  // "the umask"
  std::string before, now;
  Stack stack;
};

// What may outlive the call that it was opened in: a file, a connection, a ring.
struct Opening {
  std::uint64_t sequence = 0;
  int thread = 0;
  int window = -1;
  int descriptor = -1;
  std::string call;
  std::string object;
  CredentialsTable::Id as = 0;
  Stack stack;
};

// What reading and writing through a descriptor changes.
struct Standing {
  long position = 0;
  long written = 0;  // when the file was, in nanoseconds: pwrite(2) leaves the position where it was

  bool operator==(const Standing&) const = default;
};

// What a process was left with, and what every thread of the leg wears.
struct State {
  struct Worn {
    int thread;
    CredentialsTable::Id as;
  };
  std::vector<Worn> threads;
  std::string directory;
  std::string mask;  // umask, as octal
  std::string limits;
  std::string ignored, caught;  // signal masks, glibc's own two left out
  std::string environment;
  std::vector<std::string> descriptors;  // "NUMBER TARGET", sorted
  std::map<int, Standing> standing;      // of the descriptors of files
  std::vector<std::string> elsewhere;    // the same of the other processes that it made
};

// Output that a thread wrote to descriptor 1.
struct Output {
  std::uint64_t sequence = 0;
  int thread = 0;
  std::string bytes;
};

}  // namespace behalf::tool
