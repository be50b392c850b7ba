// ThreadDirectory and ThreadUmask: a working directory and a umask of this thread's, until the end of the scope.
//
//   behalf::Impersonation as{alice};
//   behalf::ThreadDirectory here{"/home/alice/project"};   // entered as alice
//   behalf::ThreadUmask mask{0077};
//   std::ofstream{"notes.txt"} << "in the project, for nobody else\n";
//
// A process has one of each for all its threads: one that changes them for its user changes them under the work of all
// others. The kernel gives a thread its own when it is asked to (unshare(2), CLONE_FS). It cannot give them back to the
// process; so what was is put back at the end of the scope, and the thread keeps a copy. Threads that it starts within
// the scope share with it: they are given what is put back, too. A child process has copies.
//
// In the body of a task both belong to the coroutine, as an Impersonation does: they are put back before each
// suspension and taken again before it goes on, on whatever thread. Other work that is handed on (bind(), a pool) takes
// the identity along and not these: it begins where its thread is. One that is left open when work of a pool's or of
// bind()'s ends, as by another library's coroutine, ends the process.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "behalf/descriptor.h"
#include "behalf/of_thread.h"

namespace behalf {

// Effects: the calling thread works in that directory, a relative one being below the one before; it is entered as
// whoever the thread wears. A task that goes on is in it again, also where it could not enter it by now, as a thread
// stays. The end of the scope goes back, as the service where the user may not be where it was. A
// thread that cannot go back ends the process, as one that cannot be given back does.
//
// Errors: Error of reason not_there, not_permitted (by the directory, as the user), out_of_resources, platform; the
// thread is where it was. Thread-safe: concerns the calling thread alone; where that is the main thread, its directory
// is what others see of the process (/proc/PID/cwd). Cost: 4 system calls, and 3 at the end; where the user may not
// be where the thread was, one more and an AsService at both.
class [[nodiscard]] ThreadDirectory final : private detail::OfThread {
 public:
  [[nodiscard]] explicit ThreadDirectory(const std::filesystem::path& directory);
  // Of a descriptor (open(2), O_PATH or O_DIRECTORY), which need not stay open.
  [[nodiscard]] explicit ThreadDirectory(const Descriptor& directory);
  ~ThreadDirectory() { end(); }

 private:
  void take() override;
  void put_back() noexcept override;

  std::string to_enter_;  // which one, in words
  Descriptor directory_;
  bool entered_ = false;
  Descriptor before_;
};

// Effects: what the calling thread creates lacks these permissions; the end of the scope puts the mask back. Errors:
// Error of reason platform. Thread-safe, as above. Cost: 2 system calls, and 1 at the end.
class [[nodiscard]] ThreadUmask final : private detail::OfThread {
 public:
  [[nodiscard]] explicit ThreadUmask(mode_t mask);
  ~ThreadUmask() { end(); }

 private:
  void take() override;
  void put_back() noexcept override;

  mode_t mask_;
  mode_t before_ = 0;
};

}  // namespace behalf
